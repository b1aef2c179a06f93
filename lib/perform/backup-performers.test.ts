import { beforeEach, describe, expect, it } from 'vitest'
import { blockWorkers } from '#lib/backup/block-workers.ts'
import { createBackup } from '#lib/backup/create-backup.ts'
import { deleteBackup } from '#lib/backup/delete-backup.ts'
import { memorySource } from '#lib/backup/memory-volume.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import { randomIds } from '#lib/base/ids.ts'
import { silentLog } from '#lib/base/log.ts'
import { memoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import type { Pool } from '#lib/volume/pool.ts'
import { idleClock, type IdleClock } from '#test/idle-clock.ts'
import { backupPerformers } from './backup-performers.ts'

const url = 's3://backups@eu/'

describe('a backup of a volume to which nothing was written', () => {
  let store: ReturnType<typeof memoryObjectStore>
  let madeAt: string
  let clock: IdleClock
  const deps = () => ({ store, clock, ids: randomIds, log: silentLog })

  beforeEach(async () => {
    clock = idleClock()
    store = memoryObjectStore({ clock })
    const source = memorySource(Buffer.alloc(2 * 1024 * 1024, 1))
    const made = await createBackup(deps())({ volumeName: 'web', source, backupName: 'last', labels: {} })
    madeAt = made.createdAt
  })

  /** Of one whose next backup would take a snapshot, which it has not. */
  const run = async () => {
    const snapshot = { id: 'layer-1', name: 'snap-1' }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is asked before a backup is begun
    const pool = {
      recordedSnapshots: () => [],
      backupBase: () => ({ backupName: 'last', backupCreatedAt: madeAt, snapshot }),
      headSnapshot: () => snapshot,
      hasWritesSince: async () => false,
      createSnapshot: () => Promise.reject(new Error('a snapshot was asked for')),
    } as unknown as Pool
    await using stack = new AsyncDisposableStack()
    const workers = blockWorkers()
    stack.defer(() => workers.close())
    const openTarget = async () => ({ store, url })
    const parameters = {
      target: 'nas',
      backupVolume: 'web',
      backup: 'next',
      lock: 'lock-1',
      labels: {},
      isFull: false,
      onlyIfWritten: true,
    }
    return backupPerformers({ ...deps(), pool, workers, openTarget })['create-backup'](
      {
        version: 1,
        command: 'perform',
        operationId: 'op-1',
        attempt: 1,
        kind: 'create-backup',
        volume: 'web',
        generation: 1,
        parameters,
        expiresAt: '2026-01-01T01:00:00.000Z',
      },
      {
        signal: new AbortController().signal,
        onProgress: () => {},
        isAgain: false,
        checkpoint: undefined,
        writeCheckpoint: () => {},
      },
    )
  }

  it('is not made while the last one is there', async () => {
    expect(await run()).toEqual({ outcome: 'nothing-new' })
  })

  it('is made when the last one was deleted', async () => {
    await deleteBackup(deps())({ volumeName: 'web', backupName: 'last' })
    await expect(run()).rejects.toThrow('a snapshot was asked for')
  })

  it('is made when the last one cannot be read, or is another', async () => {
    madeAt = '2020-01-01T00:00:00Z'
    await expect(run()).rejects.toThrow('a snapshot was asked for')
    await store.put(volumeKeys('web').backupConfig('last'), Buffer.from('{'))
    await expect(run()).rejects.toThrow('a snapshot was asked for')
  })
})
