/**
 * Random lives of volumes, on a pool of each kind, in which the process that works on the pool dies again and again.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { blockWorkers } from '#lib/backup/block-workers.ts'
import type { Host } from '#lib/volume/host.ts'
import { initPool } from '#lib/volume/pool.ts'
import { poolKinds, type PoolKind } from '#lib/volume/pool-driver.ts'
import { makePoolFileSystem, noPools, type PoolFileSystem } from '../pool-file-system.ts'
import { live, type Life } from './live.ts'
import { mostCalls } from './operations.ts'
import { poolKeeper, type KnownDeath, type PoolKeeper } from './pool-keeper.ts'
import { sequenceOf } from './sequences.ts'

const reason = noPools()
if (reason !== undefined) console.log(`skipped: ${reason}`)

const allSequences = 200
/** A quick look takes fewer. */
const sequences = Number(process.env['DROVER_SEQUENCES'] ?? allSequences)
const sequencesInChildren = Math.min(15, sequences)
const isWhole = sequences >= allSequences

/** With which a pool of a kind does what is looked at here: nothing is mounted, so nothing is frozen. */
const methodsOf: Record<PoolKind, readonly (keyof Host)[]> = {
  btrfs: ['ask', 'run', 'makeFolder', 'removeTree', 'makeFile', 'resizeFile', 'writeRecord'],
  xfs: [
    'ask',
    'run',
    'makeFolder',
    'removeTree',
    'makeFile',
    'resizeFile',
    'cloneFile',
    'sync',
    'setMode',
    'writeRecord',
  ],
  copy: [
    'ask',
    'run',
    'makeFolder',
    'removeTree',
    'makeFile',
    'resizeFile',
    'sync',
    'setMode',
    'writeRecord',
  ],
}

/** On a machine that is busy with other things, a pool's lives take several times as long. */
const timeoutMs = 30 * 60_000

const counted = (names: readonly string[]): Record<string, number> => {
  const found: Record<string, number> = {}
  for (const name of names.toSorted()) found[name] = (found[name] ?? 0) + 1
  return found
}

const loopDevicesUnder = (folder: string): string[] =>
  execFileSync('losetup', ['--list', '--noheadings', '--output', 'NAME,BACK-FILE'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(` ${folder}/`))

describe.skipIf(reason !== undefined).each(poolKinds)('volumes of a pool on %s', (kind) => {
  const deaths: KnownDeath[] = []
  const workers = blockWorkers()
  let scratch: string
  let fileSystem: PoolFileSystem
  let keeper: PoolKeeper
  let lives = 0

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'drover-pool-model-'))
    fileSystem = makePoolFileSystem(kind)
    await initPool({ folder: fileSystem.folder, kind })
    keeper = await poolKeeper({ folder: fileSystem.folder, deaths })
  })
  afterAll(async () => {
    await workers.close()
    rmSync(scratch, { recursive: true })
    await keeper.close().finally(() => fileSystem.close())
  })

  const sumOver = async (
    numRuns: number,
    { seed, mortality, inChild }: { seed: number; mortality: number; inChild: boolean },
  ): Promise<Life> => {
    const sum: Life = { diffs: 0, snapshots: 0, backups: 0, bySnapshots: 0 }
    await fc.assert(
      fc.asyncProperty(sequenceOf(mortality), async (sequence) => {
        const life = await live({ keeper, workers, scratch, inChild }, sequence, `volume-${(lives += 1)}`)
        expect(loopDevicesUnder(fileSystem.folder)).toEqual([])
        expect(readdirSync(join(fileSystem.folder, 'volumes'))).toEqual([])
        for (const what of ['diffs', 'snapshots', 'backups', 'bySnapshots'] as const) sum[what] += life[what]
      }),
      { seed, numRuns, endOnFailure: true },
    )
    return sum
  }

  it(
    `are what was done to them, after ${sequences} lives`,
    async () => {
      const sum = await sumOver(sequences, { seed: 20_261_122, mortality: 25, inChild: false })
      const operations = counted(deaths.map(({ what }) => what))
      const steps = counted(deaths.map(({ method, when }) => `${method} ${when}`))
      console.log(kind, sum, `${deaths.length} deaths`, operations, steps)
      if (!isWhole) return
      const methods = counted(deaths.map(({ method }) => method))
      expect(Object.keys(methods)).toEqual(methodsOf[kind].toSorted())
      expect(Object.keys(operations)).toEqual([...Object.keys(mostCalls), 'recovery'].toSorted())
      expect(sum.bySnapshots).toBeGreaterThan(sequences / 8)
    },
    timeoutMs,
  )

  it(
    `are what was done to them, after ${sequencesInChildren} lives with processes killed`,
    async () => {
      const sum = await sumOver(sequencesInChildren, { seed: 20_261_123, mortality: 30, inChild: true })
      const killed = deaths.filter(({ inChild }) => inChild)
      const steps = counted(killed.map(({ what, method, when }) => `${what}: ${when} ${method}`))
      console.log(kind, sum, `${killed.length} processes killed`, steps)
      if (isWhole) expect(killed.length).toBeGreaterThan(sequencesInChildren)
    },
    timeoutMs,
  )
})
