/**
 * A backup that crashed is resumed from what its checkpoints said.
 */
import { describe, expect, it } from 'vitest'
import type { BackupCheckpoint, ResumeBackup } from '#lib/backup/backup-checkpoint.ts'
import { packedEntryBytes } from '#lib/backup/backup-checkpoint.ts'
import type { CreateBackup } from '#lib/backup/create-backup.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import { countingObjectStore } from '#lib/object-store/counting-object-store.ts'
import { CrashError, faultyObjectStore, type Fault } from '#lib/object-store/faulty-object-store.ts'
import { memoryObjectStore, type MemoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import { idleClock } from './idle-clock.ts'
import { asRestored, letterTarget } from './letter-volume.ts'
import { countedIds, volumeActions, volumeName } from './volume-actions.ts'
import { audit, filesOf } from './volume-audit.ts'

const keys = volumeKeys(volumeName)

/** More blocks than go between two checkpoints, the last one the first again. */
const wordFrom = (first: number, count: number): string => {
  const letters = Array.from({ length: count - 1 }, (_, i) => String.fromCodePoint(0x4e00 + first + i))
  return [...letters, letters[0]].join('')
}
const base = wordFrom(0, 80)
const word = wordFrom(70, 80)

interface Journal {
  last: BackupCheckpoint | undefined
  sent: Uint8Array[]
}

const journaling = (journal: Journal) => async (checkpoint: BackupCheckpoint) => {
  journal.last = checkpoint
  journal.sent.push(checkpoint.sent)
}

/** What an agent makes of its journal after the crash. */
const resumeOf = ({ last, sent }: Journal): (ResumeBackup & { snapshotName: string }) | undefined =>
  last && { ...last, sent: Buffer.concat(sent) }

const newPast = async (hasBase: boolean) => {
  const clock = idleClock()
  const store = memoryObjectStore({ clock })
  if (hasBase) await volumeActions({ store, clock, ids: countedIds() }).backup('b1', base)
  return { store, atMs: clock.now().getTime() }
}

const crashed = async (
  past: { store: MemoryObjectStore; atMs: number },
  options: Partial<CreateBackup>,
  call: number,
  fault: Fault,
) => {
  const clock = idleClock(past.atMs)
  const store = past.store.clone({ clock })
  const faulty = faultyObjectStore(store, { [call]: fault }, { seed: call, clock })
  const journal: Journal = { last: undefined, sent: [] }
  const error: unknown = await volumeActions({ store: faulty, clock, ids: countedIds() })
    .backup('resumed', word, { ...options, concurrency: 3, onCheckpoint: journaling(journal) })
    .then(
      () => undefined,
      (reason: unknown) => reason,
    )
  return { store, clock, journal, error, isStopped: faulty.callCount() >= call }
}

const committedIn = (store: MemoryObjectStore): string[] =>
  audit(filesOf(store), volumeName).committed.map(({ name }) => name)

type Crashed = Awaited<ReturnType<typeof crashed>>

const resumeAndLook = async (
  { store, clock, journal }: Crashed,
  options: Partial<CreateBackup>,
): Promise<number> => {
  const resume = resumeOf(journal)
  if (!resume) return 0
  const sentBefore = resume.sent.length / packedEntryBytes
  const counting = countingObjectStore(store)
  const { backup } = volumeActions({ store: counting.store, clock, ids: countedIds() })
  const resuming = backup('', word, { ...options, resume, snapshotName: resume.snapshotName })
  if (committedIn(store).includes('resumed')) {
    await expect(resuming).rejects.toMatchObject({ code: 'mark-lost' })
    return 0
  }
  const result = await resuming
  expect(result).toMatchObject({ backupName: 'resumed', blockCount: 80, readBlocks: 80 - sentBefore })
  const sent = new Set(Array.from({ length: sentBefore }, (_, i) => checksumIn(resume.sent, i)))
  const sentTwice = counting.log.filter(
    (line) => line.startsWith('put') && sent.has(line.match(/[0-9a-f]{64}/)?.[0] ?? ''),
  )
  // A full backup sends each block once more, so also the second of two that are the same.
  expect(sentTwice.length).toBeLessThanOrEqual(options.mode === 'full' ? 1 : 0)
  return sentBefore
}

const checksumIn = (sent: Uint8Array, entry: number): string => {
  const at = entry * packedEntryBytes
  return Buffer.from(sent.subarray(at + 4, at + packedEntryBytes)).toString('hex')
}

const requireWhole = async ({ store, clock }: Crashed): Promise<void> => {
  const actions = volumeActions({ store, clock, ids: countedIds() })
  const target = letterTarget()
  await actions.restore('resumed', target)
  expect(target.word()).toBe(asRestored(word))
  clock.advance(2 * 3600 * 1000)
  await actions.collect()
  expect(audit(filesOf(store), volumeName)).toMatchObject({ missing: [], unused: [], inProgress: [] })
}

/** Blocks that no backup names yet. */
const newBlocksIn = (store: MemoryObjectStore): string[] =>
  audit(filesOf(store), volumeName).unused.filter((key) => key.endsWith('.blk'))

const kinds: { kind: string; options: Partial<CreateBackup>; hasBase: boolean; sends: number }[] = [
  { kind: 'a first backup', options: {}, hasBase: false, sends: 79 },
  { kind: 'an incremental backup', options: {}, hasBase: true, sends: 70 },
  { kind: 'a full backup', options: { mode: 'full' }, hasBase: true, sends: 79 },
]

/** Each call near the beginning and the end, where every call is another thing, and some of the puts of blocks between. */
const callsAround = (sentBlocks: number): number[] => {
  const all = Array.from({ length: 110 }, (_, i) => i + 1)
  return all.filter((call) => call <= 10 || call % 17 === 0 || Math.abs(call - sentBlocks) < 14)
}

describe.each(kinds)('$kind that crashed', ({ options, hasBase, sends }) => {
  it('is finished under the same name, and sends nothing again that its checkpoints say was sent', async () => {
    const past = await newPast(hasBase)
    let most = 0
    let resumed = 0
    for (const call of callsAround(sends)) {
      for (const when of ['before', 'either'] as const) {
        const run = await crashed(past, options, call, { kind: 'crash', when })
        if (!run.isStopped) break
        const sentBefore = await resumeAndLook(run, options)
        most = Math.max(most, sentBefore)
        resumed += sentBefore > 0 ? 1 : 0
        if (committedIn(run.store).includes('resumed')) await requireWhole(run)
      }
    }
    expect(most).toBe(sends)
    expect(resumed).toBeGreaterThan(10)
  })
})

describe('a backup that may be resumed', () => {
  const begun = async (options: Partial<CreateBackup> = {}) => {
    const run = await crashed(await newPast(true), options, 76, { kind: 'crash', when: 'before' })
    expect(run.error).toBeInstanceOf(CrashError)
    return run
  }

  it('is given up once a collection has removed its mark', async () => {
    const { store, clock, journal } = await begun()
    const actions = volumeActions({ store, clock, ids: countedIds() })
    const deletedBlocks = newBlocksIn(store).length
    expect(deletedBlocks).toBeGreaterThan(64)
    expect(await actions.collect()).toMatchObject({
      kind: 'collected',
      removedMarks: ['resumed'],
      deletedBlocks,
    })
    const before = store.keys()
    await expect(actions.backup('', word, { resume: resumeOf(journal) })).rejects.toMatchObject({
      code: 'mark-lost',
    })
    expect(store.keys()).toEqual(before)
  })

  it('is given up when another backup has taken its name since', async () => {
    const { store, clock, journal } = await begun()
    const actions = volumeActions({ store, clock, ids: countedIds() })
    await actions.collect()
    await actions.backup('resumed', base)
    await expect(actions.backup('', word, { resume: resumeOf(journal) })).rejects.toMatchObject({
      code: 'mark-lost',
    })
    const target = letterTarget()
    await actions.restore('resumed', target)
    expect(target.word()).toBe(asRestored(base))
  })

  it('keeps its mark when it is cancelled, and goes on from there', async () => {
    const clock = idleClock()
    const store = memoryObjectStore({ clock })
    const actions = volumeActions({ store, clock, ids: countedIds() })
    const journal: Journal = { last: undefined, sent: [] }
    const cancel = new AbortController()
    const reason = new Error('cancelled')
    const cancelNearTheEnd = ({ doneBytes, totalBytes }: { doneBytes: number; totalBytes: number }) => {
      if (doneBytes > totalBytes * 0.9) cancel.abort(reason)
    }
    const { signal } = cancel
    const options = { signal, onCheckpoint: journaling(journal), onProgress: cancelNearTheEnd }
    await expect(actions.backup('resumed', word, options)).rejects.toBe(reason)
    expect(store.keys()).toContain(keys.backupConfig('resumed'))
    expect(store.keys().filter((key) => key.startsWith(keys.locksFolder))).toEqual([])
    const result = await actions.backup('', word, { resume: resumeOf(journal) })
    expect(result.readBlocks).toBeLessThan(80)
    await requireWhole({ store, clock, journal, error: undefined, isStopped: true })
  })

  it('counts in its totals what was sent before the last checkpoint', async () => {
    const { store, clock, journal } = await begun()
    const resume = resumeOf(journal)
    const sentBefore = newBlocksIn(store).length
    const told = resume?.totals.newBlocks ?? 0
    expect(told).toBeGreaterThanOrEqual(64)
    const result = await volumeActions({ store, clock, ids: countedIds() }).backup('', word, { resume })
    expect(result.newBlocks).toBe(told + 70 - sentBefore)
  })
})
