import { describe, expect, it } from 'vitest'
import { controlPlaneOnMemory } from '#test/control-plane-on-memory.ts'
import {
  readTickDescription,
  ruleNameOf,
  tickDescription,
  tickTarget,
  type TickTarget,
} from './eventbridge-tick.ts'

const arns = {
  targetArn: 'arn:aws:lambda:us-east-1:123456789012:function:drover-run-recurring-job',
  deadLetterArn: 'arn:aws:sqs:us-east-1:123456789012:drover-ticks-dead',
}

/** As AWS's documentation shows it, of a rule that is due at two. */
const scheduledEvent = {
  version: '0',
  id: '53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa',
  'detail-type': 'Scheduled Event',
  source: 'aws.events',
  account: '123456789012',
  time: '2026-01-01T02:00:00Z',
  region: 'us-east-1',
  resources: ['arn:aws:events:us-east-1:123456789012:rule/drover-job-daily'],
  detail: {},
}

/** What EventBridge makes of an event: within quotes a variable is put as it is, elsewhere as JSON. */
const transformed = ({ InputTransformer }: TickTarget, event: object): unknown => {
  let { InputTemplate: text } = InputTransformer
  for (const [name, path] of Object.entries(InputTransformer.InputPathsMap)) {
    const value = path
      .slice('$.'.length)
      .split('.')
      .reduce<unknown>((at, key) => Reflect.get(Object(at), key), event)
    text = text
      .replaceAll(`"<${name}>"`, () => JSON.stringify(value))
      .replaceAll(`<${name}>`, () => JSON.stringify(value))
  }
  return JSON.parse(text)
}

describe("a job's rule on EventBridge", () => {
  it("gives run-recurring-job the job, and the scheduled event's time", async () => {
    const event = transformed(tickTarget('daily', arns), scheduledEvent)
    expect(event).toEqual({ job: 'daily', time: '2026-01-01T02:00:00Z' })
    const { handlers } = await controlPlaneOnMemory()
    expect(await handlers.runRecurringJob(event)).toMatchObject({
      job: 'daily',
      minute: '2026-01-01T02:00:00.000Z',
    })
  })

  it('makes no run when EventBridge wakes it in a minute that the five fields do not name', async () => {
    const event = transformed(tickTarget('daily', arns), { ...scheduledEvent, time: '2026-01-01T03:00:00Z' })
    const { handlers, sent } = await controlPlaneOnMemory()
    expect(await handlers.runRecurringJob(event)).toBe(undefined)
    expect(sent).toEqual([])
  })

  it('has a name that PutRule takes, and no other job has', () => {
    const jobs = ['daily', 'a.b-c', 'x'.repeat(40), `${'x'.repeat(39)}y`, `${'x'.repeat(39)}z`]
    for (const prefix of ['drover-job-', `${'a-stack-with-a-long-name-'.repeat(4)}job-`.slice(-60)]) {
      const names = jobs.map((job) => ruleNameOf(prefix, job))
      for (const name of names) expect(name).toMatch(/^[.\-_A-Za-z0-9]{1,64}$/)
      expect(new Set(names).size).toBe(jobs.length)
    }
    expect(ruleNameOf('drover-job-', 'daily')).toBe('drover-job-daily')
  })

  it('keeps in its description what a list tells, in at most 512 characters', () => {
    const longest = {
      job: 'x'.repeat(40),
      cron: `${'0,'.repeat(124)}0 * * * *`.slice(0, 256),
      digest: '0'.repeat(8),
    }
    const text = tickDescription(longest)
    expect(text.length).toBeLessThanOrEqual(512)
    expect(readTickDescription(text)).toEqual(longest)
  })

  it.each([
    undefined,
    '',
    'fires daily',
    '{"job":"daily"}',
    '{"job":"","cron":"@daily","digest":"0"}',
    '[1]',
  ])('reads nothing of the description %j', (text) => {
    expect(readTickDescription(text)).toBe(undefined)
  })
})
