import { describe, expect, it } from 'vitest'
import { MiB } from '#lib/base/sizes.ts'
import { lineProgress, progressParts, type Step } from './progress.ts'

const at = (done: number): Step => ({ what: 'backing up', done: done * MiB, total: 64 * MiB, unit: 'bytes' })

describe('progressParts', () => {
  it('tells amount, rate and remaining time', () => {
    expect(progressParts(at(16), 2000)).toEqual({
      amount: '16 MiB of 64 MiB',
      rate: ', 8 MiB/s',
      left: ', 0:06 left',
    })
  })

  it('tells no rate before there is one', () => {
    expect(progressParts(at(0), 5000)).toMatchObject({ rate: '', left: '' })
    expect(progressParts(at(2), 100)).toMatchObject({ rate: '', left: '' })
  })

  it('counts blocks, and hours', () => {
    const step: Step = { what: 'verifying', done: 100, total: 1_000_000, unit: 'blocks' }
    expect(progressParts(step, 1000)).toEqual({
      amount: '100 blocks of 1000000 blocks',
      rate: ', 100 blocks/s',
      left: ', 2:46:39 left',
    })
  })
})

describe('lineProgress', () => {
  it('writes a line every 10 s at most, and begins anew with what is done', () => {
    const lines: string[] = []
    let nowMs = 0
    const progress = lineProgress(
      (line) => lines.push(line),
      () => nowMs,
    )
    for (nowMs = 0; nowMs < 25_000; nowMs += 1000) progress.show(at(nowMs / 1000))
    progress.show({ ...at(1), what: 'verifying' })
    expect(lines).toEqual([
      'backing up: 10 MiB of 64 MiB, 1 MiB/s, 0:54 left',
      'backing up: 20 MiB of 64 MiB, 1 MiB/s, 0:44 left',
    ])
  })
})
