import { expect, it } from 'vitest'
import { jsonLog } from './json-log.ts'

const clock = { now: () => new Date('2026-01-01T00:00:00.123Z') }

it('writes an event a line, and lets no field take the place of its own', () => {
  const lines: string[] = []
  const log = jsonLog((line) => lines.push(line), clock)
  log.info('backup committed', { volume: 'web\nnext', level: 'mine' })
  log.error('oops')
  log.debug('left out')
  expect(lines.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true)
  const time = '2026-01-01T00:00:00Z'
  expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
    { volume: 'web\nnext', time, level: 'info', event: 'backup committed' },
    { time, level: 'error', event: 'oops' },
  ])
})

it('writes debug events when it is told to', () => {
  const lines: string[] = []
  jsonLog((line) => lines.push(line), clock, { isVerbose: true }).debug('seen')
  expect(lines).toHaveLength(1)
})
