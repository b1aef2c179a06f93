import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { tellOverdue } from './tell-overdue.ts'

const monitoring = readFileSync(join(import.meta.dirname, '../../infra/monitoring.yml'), 'utf8')
const alarm = monitoring.slice(monitoring.indexOf('OverdueVolumesAlarm:'))
const ofAlarm = (key: string): string | undefined => new RegExp(`^ *${key}: (.*)$`, 'm').exec(alarm)?.[1]

const overdue = [{ cluster: 'primary', volume: 'web', job: 'hourly', dueAt: '2026-01-01T10:00:00.000Z' }]

const toldAt = async (time: string, found = overdue) => {
  const lines: string[] = []
  const warnings: unknown[] = []
  await tellOverdue('our-drover', {
    findOverdue: async () => found,
    clock: { now: () => new Date(time) },
    log: { warn: (...warning) => warnings.push(warning) },
    print: (line) => lines.push(line),
  })()
  return { lines, warnings }
}

describe('telling of overdue backups', () => {
  it('prints the metric that the alarm watches, as CloudWatch reads it', async () => {
    const { lines, warnings } = await toldAt('2026-01-01T12:15:20.500Z')
    expect(lines.map((line) => [line.at(-1), JSON.parse(line)])).toEqual([
      [
        '\n',
        {
          _aws: {
            Timestamp: Date.parse('2026-01-01T12:15:20.500Z'),
            CloudWatchMetrics: [
              {
                Namespace: ofAlarm('Namespace'),
                Dimensions: [['Stack']],
                Metrics: [{ Name: ofAlarm('MetricName'), Unit: 'Count' }],
              },
            ],
          },
          Stack: 'our-drover',
          OverdueVolumes: 1,
        },
      ],
    ])
    expect(ofAlarm('Dimensions')).toBe('[{ Name: Stack, Value: !Ref AWS::StackName }]')
    expect(warnings).toEqual([['backup overdue', overdue[0]]])
  })

  it('prints it also when there is none, since silence is an alarm', async () => {
    const { lines } = await toldAt('2026-01-01T12:45:00.000Z', [])
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([{ OverdueVolumes: 0 }])
  })

  it("prints it twice at least in the alarm's period, and looks at nothing in other minutes", async () => {
    const minutes = []
    for (let minute = 0; minute < 60; minute++) {
      const { lines, warnings } = await toldAt(new Date(Date.UTC(2026, 0, 1, 12, minute, 59)).toISOString())
      expect(warnings.length).toBe(lines.length)
      if (lines.length > 0) minutes.push(minute)
    }
    expect(minutes).toEqual([0, 15, 30, 45])
    const perPeriod = (Number(ofAlarm('Period')) / 3600) * minutes.length
    expect(perPeriod).toBeGreaterThanOrEqual(2)
  })
})
