import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { queuedOperation } from '#test/queued-operation.ts'
import { readCommand, performCommand } from './command.ts'
import type { Operation } from './operation.ts'
import { applyReport, type Report, type ReportEvent } from './report.ts'

const operation = queuedOperation

const report = (sequence: number, event: ReportEvent): Report => ({
  version: 1,
  operationId: 'op-1',
  node: 'node-1',
  sequence,
  at: `2026-01-01T00:00:${String(sequence).padStart(2, '0')}Z`,
  event,
})

const progress = (doneBytes: number): ReportEvent => ({
  kind: 'progress',
  progress: { phase: 'sending', doneBytes, totalBytes: 10 },
})

const story: Report[] = [
  report(1, { kind: 'accepted' }),
  report(2, progress(1)),
  report(3, progress(7)),
  report(4, { kind: 'succeeded', result: { sizeBytes: 2 ** 30 } }),
]

const after = (reports: readonly Report[]): Operation =>
  reports.reduce<Operation>((current, each) => applyReport(current, each) ?? current, operation)

describe('reports of an operation', () => {
  it('lead to the same end in any order, doubled, and with some lost', () => {
    const shuffled = fc
      .shuffledSubarray([...story, ...story], { minLength: 1 })
      .filter((reports) => reports.some(({ sequence }) => sequence === 4))
    fc.assert(
      fc.property(shuffled, (reports) => {
        const { state, result, endedAt } = after(reports)
        expect({ state, result, endedAt }).toEqual({
          state: 'succeeded',
          result: { sizeBytes: 2 ** 30 },
          endedAt: '2026-01-01T00:00:04Z',
        })
      }),
    )
  })

  it('that are late change nothing', () => {
    const running = after(story.slice(0, 3))
    expect(running).toMatchObject({ state: 'running', progress: { doneBytes: 7 } })
    expect(applyReport(running, report(2, progress(1)))).toBe(undefined)
    expect(applyReport(after(story), report(5, progress(9)))).toBe(undefined)
    expect(applyReport(after(story), report(5, { kind: 'cancelled' }))).toBe(undefined)
  })

  it('of another node change nothing', () => {
    expect(applyReport(operation, { ...report(1, { kind: 'accepted' }), node: 'node-2' })).toBe(undefined)
  })

  it('that refuse it end it', () => {
    const failure = { code: 'expired', message: 'it came too late' }
    expect(after([report(1, { kind: 'refused', failure })])).toMatchObject({ state: 'failed', failure })
  })
})

describe('commands', () => {
  it('come out as they went in', () => {
    const command = performCommand(operation)
    expect(readCommand(JSON.parse(JSON.stringify(command)))).toEqual({ kind: 'command', command })
  })

  it.each([
    ['of another version', { ...performCommand(operation), version: 2 }],
    ['of an unknown kind', { ...performCommand(operation), kind: 'format-disk' }],
    ['with parameters of another kind', { ...performCommand(operation), parameters: { snapshot: 'daily' } }],
    ['with more than is known', { ...performCommand(operation), parameters: { sizeBytes: 1, x: 1 } }],
    ['without a time to expire', { ...performCommand(operation), expiresAt: 'soon' }],
  ])('%s cannot be read, and say whose they are', (_, message) => {
    expect(readCommand(message)).toMatchObject({ kind: 'unreadable', operationId: 'op-1' })
  })

  it('that are no commands at all cannot be read', () => {
    for (const message of [null, 'text', [], {}, { operationId: 7 }])
      expect(readCommand(message)).toMatchObject({ kind: 'unreadable', operationId: undefined })
  })
})
