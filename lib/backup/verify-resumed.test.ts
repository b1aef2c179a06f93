import { describe, expect, it } from 'vitest'
import { silentLog } from '#lib/base/log.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import { readBadBlocks } from '#lib/backupstore/bad-blocks.ts'
import { memoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import { idleClock } from '#test/idle-clock.ts'
import { volumeActions, volumeName } from '#test/volume-actions.ts'
import { BackupstoreError } from '#lib/backupstore/backupstore-error.ts'
import { verifyBackups, type VerifyCheckpoint } from './verify-backups.ts'

const world = async () => {
  const clock = idleClock()
  const store = memoryObjectStore({ clock })
  const actions = volumeActions({ store, clock })
  await actions.backup('b1', 'ABCDEFGHIJKLMNOPQRST')
  const checked: string[] = []
  const bad = new Set<string>()
  const run = (more: {
    stopAfter?: number
    checkpoint?: VerifyCheckpoint | undefined
    isReadOnly?: boolean
  }) => {
    const stopping = new AbortController()
    const kept: VerifyCheckpoint[] = []
    const check = async ({ checksum, key }: { checksum: string; key: string }) => {
      checked.push(checksum)
      if (checked.length === more.stopAfter) stopping.abort(new Error('time is up'))
      if (bad.has(checksum)) throw new BackupstoreError('invalid-block', `${key} is bad`)
    }
    const result = verifyBackups({ store, clock, log: silentLog, check })({
      volumeName,
      backupName: 'b1',
      concurrency: 3,
      checkpoint: more.checkpoint,
      onCheckpoint: (checkpoint) => kept.push(checkpoint),
      signal: stopping.signal,
    })
    return { result, kept }
  }
  return { run, checked, bad, store, keys: volumeKeys(volumeName) }
}

describe('a verification that was broken off', () => {
  it('goes on behind what it had looked at, and tells of all that is bad', async () => {
    const { run, checked, bad, store, keys } = await world()
    const whole = run({})
    await whole.result
    const order = checked.splice(0)
    for (const at of [2, 15]) bad.add(order[at] ?? '')
    const first = run({ stopAfter: 9 })
    await expect(first.result).rejects.toThrow()
    const checkpoint = first.kept.at(-1)
    expect(checkpoint?.doneBlocks).toBeGreaterThanOrEqual(6)
    expect(checkpoint?.doneBlocks).toBeLessThan(20)
    expect([...(await readBadBlocks(store, keys)).keys()]).toEqual([order[2]])
    checked.splice(0)
    const result = await run({ checkpoint }).result
    expect(checked.toSorted()).toEqual(order.slice(checkpoint?.doneBlocks).toSorted())
    expect(result).toMatchObject({
      checkedBlocks: 20,
      bad: [{ checksum: order[2] }, { checksum: order[15] }],
    })
    expect([...(await readBadBlocks(store, keys)).keys()].toSorted()).toEqual([...bad].toSorted())
  })

  it('begins anew when the backup has another number of blocks, or the list of bad ones cannot be read', async () => {
    const { run, checked, store, keys } = await world()
    await run({ checkpoint: { doneBlocks: 5, totalBlocks: 21 } }).result
    expect(checked.splice(0)).toHaveLength(20)
    await store.put(keys.badBlocks, Buffer.from('not a list'))
    await run({ checkpoint: { doneBlocks: 5, totalBlocks: 20 } }).result
    expect(checked).toHaveLength(20)
  })
})
