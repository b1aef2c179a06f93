import { describe, expect, it } from 'vitest'
import { stderrLog } from './stderr-log.ts'

const clock = { now: () => new Date('2026-01-02T03:04:05Z') }
const plain = { isJson: false, isQuiet: false, isVerbose: false }

const linesOf = (style: typeof plain): string[] => {
  const lines: string[] = []
  const log = stderrLog((line) => lines.push(line), style, clock)
  log.debug('block sent', { block: 7 })
  log.info('waiting for a deletion to finish', { volume: 'web' })
  log.info('waiting for a deletion to finish', { volume: 'web' })
  log.error('broken', { keys: ['a', 'b'] })
  return lines
}

describe('stderrLog', () => {
  it('tells people what matters, once', () => {
    expect(linesOf(plain)).toEqual([
      'drover: waiting for a deletion to finish volume=web',
      'drover: broken keys=["a","b"]',
    ])
  })

  it('tells all, with the time, when asked', () => {
    const lines = linesOf({ ...plain, isVerbose: true })
    expect(lines).toHaveLength(4)
    expect(lines[0]).toBe('2026-01-02T03:04:05Z debug block sent block=7')
  })

  it('tells programs in JSON', () => {
    const [first = ''] = linesOf({ isJson: true, isQuiet: false, isVerbose: true })
    expect(JSON.parse(first)).toEqual({
      time: '2026-01-02T03:04:05Z',
      level: 'debug',
      event: 'block sent',
      block: 7,
    })
  })

  it('tells only errors when it is to be quiet', () => {
    expect(linesOf({ ...plain, isQuiet: true })).toEqual(['drover: broken keys=["a","b"]'])
  })
})
