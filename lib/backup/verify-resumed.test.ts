import { describe, expect, it } from 'vitest'
import { silentLog } from '#lib/base/log.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import { readBadBlocks } from '#lib/backupstore/bad-blocks.ts'
import { memoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import { idleClock } from '#test/idle-clock.ts'
import { volumeActions, volumeName } from '#test/volume-actions.ts'
import { BackupstoreError } from '#lib/backupstore/backupstore-error.ts'
import { encodeBackupConfig } from '#lib/backupstore/backup-config.ts'
import { readBackup } from '#lib/backupstore/backup-volume.ts'
import { blockListBuilder } from '#lib/backupstore/block-list.ts'
import { MiB } from '#lib/base/sizes.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
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

  it('goes on behind no bad block that was not yet in the list, however long that takes to write', async () => {
    const { store, keys } = await world()
    const checksums = Array.from({ length: 2200 }, (_, index) => index.toString(16).padStart(64, '0'))
    const blocks = blockListBuilder(2 * MiB)
    for (const [index, checksum] of checksums.entries()) blocks.set(index, checksum)
    // All blocks are this one.
    const block = keys.block(checksums[0] ?? '')
    await store.put(block, Buffer.from('a'))
    const get: ObjectStore['get'] = (key, options) =>
      store.get(key.startsWith(keys.blocksFolder) ? block : key, options)
    const found = await readBackup(store, keys, 'b1')
    if (!found) throw new Error('no backup')
    const config = encodeBackupConfig({ ...found.value, blocks: blocks.build() })
    await store.put(keys.backupConfig('b1'), Buffer.concat([...config.open()]))
    const bad = new Set([checksums[10], checksums[1500]])
    const lists = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let puts = 0
    const put: ObjectStore['put'] = async (key, ...more) => {
      if (key !== keys.badBlocks) return store.put(key, ...more)
      const at = puts++
      // The second is told of when the first may go on.
      if (at === 1) lists[0]?.resolve()
      await lists[at]?.promise
      return store.put(key, ...more)
    }
    const kept: VerifyCheckpoint[] = []
    const verifying = verifyBackups({
      store: { ...store, get, put },
      clock: idleClock(),
      log: silentLog,
      check: async ({ checksum }) => {
        if (bad.has(checksum)) throw new BackupstoreError('invalid-block', 'bad')
      },
    })({
      volumeName,
      backupName: 'b1',
      concurrency: 3,
      onCheckpoint: (checkpoint) => {
        kept.push(checkpoint)
        lists[1]?.reject(new Error('the process died'))
      },
    })
    await expect(verifying).rejects.toThrow('died')
    expect([...(await readBadBlocks(store, keys)).keys()]).toEqual([checksums[10]])
    expect(kept.map(({ doneBlocks }) => doneBlocks <= 1500)).toEqual([true])
  })
})
