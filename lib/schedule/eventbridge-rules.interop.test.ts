import {
  DescribeRuleCommand,
  type EventBridgeClient,
  LimitExceededException,
  ListTagsForResourceCommand,
  ListTargetsByRuleCommand,
  PutEventsCommand,
  PutRuleCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge'
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { memoryItemStore } from '#lib/catalog/memory-item-store.ts'
import { jobCollection } from '#lib/jobs/job-collection.ts'
import { syncRules } from '#lib/jobs/sync-rules.ts'
import { motoAccount, startMoto, type Moto } from '#test/oracles/moto.ts'
import { eventbridgeClient } from './eventbridge-client.ts'
import { eventbridgeRules, type EventbridgeRulesSettings } from './eventbridge-rules.ts'
import { scheduleRulesContract } from './schedule-rules.contract.ts'

const settings: EventbridgeRulesSettings = {
  prefix: 'drover-job-',
  targetArn: `arn:aws:lambda:us-east-1:${motoAccount}:function:drover-run-recurring-job`,
  deadLetterArn: `arn:aws:sqs:us-east-1:${motoAccount}:drover-ticks-dead`,
  tags: { 'drover:stack': 'drover' },
}

let moto: Moto
beforeAll(async () => {
  moto = await startMoto()
})
afterAll(() => moto.stop())
beforeEach(() => moto.reset())

const newClient = () => eventbridgeClient({ ...moto.clientSettings, maxAttempts: 3 })
const newRules = (more: Partial<EventbridgeRulesSettings> = {}, client = newClient()) =>
  eventbridgeRules({ client }, { ...settings, ...more })

type Answer = (command: string, input: object) => unknown
/** What `answer` throws, or returns if anything, stands for EventBridge's answer. */
const answering = (client: EventBridgeClient, answer: Answer) => {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const output = answer(context.commandName ?? '', args.input)
      return output === undefined ? next(args) : { response: {}, output: output as never }
    },
    { step: 'initialize' },
  )
  return client
}

scheduleRulesContract('EventBridge', { open: async () => newRules() })
scheduleRulesContract('EventBridge, with names that are cut,', {
  open: async () => newRules({ prefix: `${'a-stack-with-a-long-name-'.repeat(2)}-job-` }),
})

const daily = { name: 'daily', cron: '0 2 13 * 5', isEnabled: true }

describe('a rule on EventBridge', () => {
  it('has its schedule, tags and one target with all that a tick needs', async () => {
    await newRules().put(daily)
    await newRules().put({ ...daily, isEnabled: false })
    const client = newClient()
    const rule = await client.send(new DescribeRuleCommand({ Name: 'drover-job-daily' }))
    expect(rule).toMatchObject({ ScheduleExpression: 'cron(0 2 * * ? *)', State: 'DISABLED' })
    const { Tags } = await client.send(new ListTagsForResourceCommand({ ResourceARN: rule.Arn }))
    expect(Tags).toEqual([{ Key: 'drover:stack', Value: 'drover' }])
    const { Targets } = await client.send(new ListTargetsByRuleCommand({ Rule: 'drover-job-daily' }))
    expect(Targets).toEqual([
      {
        Id: 'run-recurring-job',
        Arn: settings.targetArn,
        InputTransformer: {
          InputPathsMap: { time: '$.time' },
          InputTemplate: '{"job":"daily","time":"<time>"}',
        },
        RetryPolicy: { MaximumEventAgeInSeconds: 3600 },
        DeadLetterConfig: { Arn: settings.deadLetterArn },
      },
    ])
  })

  it("delivers what its template says: moto takes every event for a schedule's", async () => {
    const sqs = new SQSClient(moto.clientSettings)
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'ticks' }))
    await newRules({ targetArn: `arn:aws:sqs:us-east-1:${motoAccount}:ticks` }).put(daily)
    const tick = {
      Source: 'aws.events',
      DetailType: 'Scheduled Event',
      Detail: '{}',
      Time: new Date('2026-02-13T02:00:00Z'),
    }
    await newClient().send(new PutEventsCommand({ Entries: [tick] }))
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 2 }))
    expect(Messages?.map(({ Body = '' }) => JSON.parse(Body) as unknown)).toEqual([
      { job: 'daily', time: '2026-02-13T02:00:00Z' },
    ])
  })
})

describe('the rules of an installation', () => {
  const job = { task: 'backup' as const, retain: 1, labels: {}, groups: [] }
  const syncedTo = async (...wanted: (typeof daily)[]) => {
    const jobs = jobCollection(memoryItemStore())
    for (const each of wanted) await jobs.create({ ...job, ...each })
    await syncRules({ jobs, rules: newRules() })()
    expect(await newRules().list()).toEqual(wanted)
    for (const { name } of wanted) {
      const { Targets } = await newClient().send(new ListTargetsByRuleCommand({ Rule: `drover-job-${name}` }))
      expect(Targets).toMatchObject([{ DeadLetterConfig: { Arn: settings.deadLetterArn } }])
      await jobs.remove(catalogKeys.job(name))
    }
  }
  /** Dies at the call of this number: before it is made, or after, when its answer is lost. */
  const dyingAt = (number: number, when: 'before' | 'after') => {
    let calls = 0
    const client = newClient()
    client.middlewareStack.add(
      (next) => async (args) => {
        if (calls >= number) throw new Error('died')
        const isLast = ++calls === number
        if (isLast && when === 'before') throw new Error('died')
        const answer = await next(args)
        if (isLast) throw new Error('died')
        return answer
      },
      { step: 'initialize' },
    )
    return newRules({}, client)
  }
  const works = {
    'a new rule': async () => {},
    'a rule with another cron': () => newRules().put({ ...daily, cron: '0 5 * * *' }),
    'a rule of an older version': () => newRules({ deadLetterArn: 'arn:aws:sqs:us-east-1:1:old' }).put(daily),
  }

  it.each(
    Object.entries(works).flatMap(([what, prepare]) =>
      [1, 2, 3].flatMap((number) =>
        (['before', 'after'] as const).map((when) => ({ what, prepare, number, when })),
      ),
    ),
  )('mend $what whose put died $when call $number', async ({ prepare, number, when }) => {
    await prepare()
    const died = await dyingAt(number, when)
      .put(daily)
      .then(
        () => false,
        () => true,
      )
    if (!died) expect(await newRules().list()).toEqual([daily])
    await syncedTo(daily)
  })

  it.each([
    [1, 'before'],
    [1, 'after'],
    [2, 'before'],
    [2, 'after'],
  ] as const)('mend a removal that died at call %i, %s it', async (number, when) => {
    await newRules().put(daily)
    await expect(dyingAt(number, when).remove('daily')).rejects.toMatchObject({ code: 'unavailable' })
    await syncedTo(daily)
    await expect(dyingAt(number, when).remove('daily')).rejects.toMatchObject({ code: 'unavailable' })
    await syncedTo()
  })

  it('are put anew when a hand took the target or changed the schedule, or are removed', async () => {
    const client = newClient()
    await newRules().put(daily)
    await client.send(new RemoveTargetsCommand({ Rule: 'drover-job-daily', Ids: ['run-recurring-job'] }))
    expect(await newRules().list()).toEqual([{ ...daily, cron: '' }])
    await syncedTo(daily)
    const { Description } = await client.send(new DescribeRuleCommand({ Name: 'drover-job-daily' }))
    const changed = { Name: 'drover-job-daily', ScheduleExpression: 'cron(0 9 * * ? *)', Description }
    await client.send(new PutRuleCommand(changed))
    expect(await newRules().list()).toEqual([{ ...daily, cron: '' }])
    await syncedTo(daily)
    await client.send(new PutRuleCommand({ ...changed, Description: 'mine' }))
    expect(await newRules().list()).toEqual([{ name: 'daily', cron: '', isEnabled: false }])
    await syncedTo(daily)
    await client.send(new PutRuleCommand({ ...changed, Description: 'mine' }))
    await syncedTo()
  })

  it("are not another installation's, nor what else begins alike", async () => {
    await newRules({ prefix: 'drover-job-job-' }).put(daily)
    const EventPattern = '{"source":["aws.s3"]}'
    await newClient().send(new PutRuleCommand({ Name: 'drover-job-objects', EventPattern }))
    for (const Name of ['other', 'drover-job-eu-minute'])
      await newClient().send(new PutRuleCommand({ Name, ScheduleExpression: 'cron(0 9 * * ? *)' }))
    expect(await newRules().list()).toEqual([])
    await newRules().put(daily)
    await syncedTo()
    expect(await newRules({ prefix: 'drover-job-job-' }).list()).toEqual([daily])
  })

  it('say plainly that the account has as many as it may', async () => {
    const limit = 300
    const made = new Set<string>()
    const client = answering(newClient(), (command, input) => {
      const Name = 'Name' in input ? String(input.Name) : ''
      if (command !== 'PutRuleCommand' || made.has(Name)) return undefined
      if (made.size === limit) throw new LimitExceededException({ message: 'no more', $metadata: {} })
      made.add(Name)
      return undefined
    })
    const rules = newRules({}, client)
    const many = Array.from({ length: 310 }, (_, index) => ({ ...daily, name: `job-${index}` }))
    for (const rule of many.slice(0, limit)) await rules.put(rule)
    for (const rule of many.slice(limit))
      await expect(rules.put(rule)).rejects.toMatchObject({
        code: 'too-many-rules',
        message: expect.stringContaining(`rule drover-job-${rule.name} was not made`),
        hint: expect.stringMatching(/300 rules, in some regions 100.*groups.*Service Quotas/),
      })
    await expect(rules.put(many[305] ?? daily)).rejects.toThrow('300 of them this installation')
    expect(await rules.list()).toHaveLength(limit)
    await rules.put({ ...daily, name: 'job-0', cron: '0 3 * * *' })
  })

  it('wait when another changes the same rule at the same moment, also where only the answer says so', async () => {
    const refusals: Record<string, number> = { PutRuleCommand: 1, PutTargetsCommand: 1 }
    const client = newClient()
    client.middlewareStack.add(
      (next, context) => async (args) => {
        const name = context.commandName ?? ''
        const answer = await next(args)
        if ((refusals[name] ?? 0) === 0) return answer
        refusals[name] = 0
        const FailedEntries = [
          { TargetId: 'run-recurring-job', ErrorCode: 'ConcurrentModificationException' },
        ]
        return { ...answer, output: { ...answer.output, FailedEntryCount: 1, FailedEntries } as never }
      },
      { step: 'deserialize', priority: 'high' },
    )
    await newRules({}, client).put(daily)
    expect(refusals).toEqual({ PutRuleCommand: 0, PutTargetsCommand: 0 })
    expect(await newRules().list()).toEqual([daily])
  })

  it('tell of a target that EventBridge did not take', async () => {
    const FailedEntries = [
      { TargetId: 'run-recurring-job', ErrorCode: 'InternalFailure', ErrorMessage: 'no' },
    ]
    const client = answering(newClient(), (command) =>
      command === 'PutTargetsCommand' ? { FailedEntryCount: 1, FailedEntries } : undefined,
    )
    await expect(newRules({}, client).put(daily)).rejects.toMatchObject({
      code: 'failed',
      message: 'PutTargets of rule drover-job-daily: InternalFailure: no',
    })
  })

  it.each([
    ['AccessDeniedException', 400, 'access-denied', 'let the role do events:ListRules on rule drover-job-*'],
    ['ExpiredTokenException', 400, 'access-denied', 'not expired'],
    ['ThrottlingException', 400, 'unavailable', '50 things a second'],
    ['InternalException', 500, 'unavailable', 'try again'],
    ['ValidationException', 400, 'failed', ''],
  ])('tell what %s means', async (name, httpStatusCode, code, hint) => {
    const client = answering(newClient(), () => {
      throw Object.assign(new Error('no'), { name, $metadata: { httpStatusCode } })
    })
    const failed = {
      code,
      message: expect.stringContaining(`${name}: no`),
      hint: expect.stringContaining(hint),
    }
    await expect(newRules({}, client).list()).rejects.toMatchObject(failed)
  })
})
