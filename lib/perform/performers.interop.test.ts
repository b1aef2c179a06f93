/**
 * Operations on a real pool and a real store: once, again after they were done, and again after they died half way.
 */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { blockWorkers } from '#lib/backup/block-workers.ts'
import { memoryTarget } from '#lib/backup/memory-volume.ts'
import { restoreBackup } from '#lib/backup/restore-backup.ts'
import { systemClock } from '#lib/base/clock.ts'
import { randomIds } from '#lib/base/ids.ts'
import { silentLog } from '#lib/base/log.ts'
import { MiB } from '#lib/base/sizes.ts'
import { memoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import type { Checkpoint } from '#lib/operation/journal.ts'
import type { JsonObject } from '#lib/operation/json.ts'
import type { OperationKind, ParametersOf } from '#lib/operation/operation-kinds.ts'
import { initPool, openPool, type Pool } from '#lib/volume/pool.ts'
import { makePoolFileSystem, noPools, type PoolFileSystem } from '#test/pool-file-system.ts'
import { backupPerformers } from './backup-performers.ts'
import { failureOf, perform, ProcessEnding, type Performance, type Performers } from './performer.ts'
import { storePerformers } from './store-performers.ts'
import { volumePerformers } from './volume-performers.ts'

const reason = noPools()
if (reason !== undefined) console.log(`operations on a node are not tested: ${reason}`)

const sizeBytes = 12 * MiB
const workers = blockWorkers()
afterAll(() => workers.close())

describe.skipIf(reason !== undefined)('operations on a node', () => {
  let fileSystem: PoolFileSystem
  let pool: Pool
  let store: ObjectStore
  let performers: Performers
  let count = 0
  let volume = ''
  const target = { target: 'nas', backupVolume: 'web' }

  beforeAll(async () => {
    fileSystem = makePoolFileSystem('btrfs')
    await initPool({ folder: fileSystem.folder })
    pool = await openPool({ folder: fileSystem.folder })
  })
  afterAll(async () => {
    await pool?.close()
    fileSystem?.close()
  })
  beforeEach(() => {
    volume = `volume-${++count}`
    store = memoryObjectStore()
    const openTarget = async () => ({ store, url: 'file:///mnt/nas/' })
    const deps = { pool, workers, clock: systemClock, ids: randomIds, log: silentLog, openTarget }
    performers = { ...volumePerformers(pool), ...storePerformers(deps), ...backupPerformers(deps) }
  })

  const performance = (more: Partial<Performance> = {}): Performance => ({
    signal: new AbortController().signal,
    onProgress: () => {},
    isAgain: false,
    checkpoint: undefined,
    writeCheckpoint: () => {},
    ...more,
  })
  const run = <Kind extends OperationKind>(
    kind: Kind,
    parameters: ParametersOf<Kind>,
    more: Partial<Performance> = {},
    of = volume,
  ): Promise<JsonObject> =>
    perform(
      performers,
      {
        version: 1,
        command: 'perform',
        operationId: `op-${kind}`,
        attempt: 1,
        kind,
        volume: of,
        generation: 1,
        parameters,
        expiresAt: '2030-01-01T00:00:00Z',
      },
      performance(more),
    )
  const again = { isAgain: true }

  const write = async (at: number, bytes: Uint8Array): Promise<void> => {
    const { path = '' } = await pool.attachVolume(volume, 'file')
    const file = await open(path, 'r+')
    await file.write(bytes, 0, bytes.length, at)
    await file.sync()
    await file.close()
    await pool.detachVolume(volume)
  }
  const headSha = async (name = volume): Promise<string> => {
    const { path = '' } = await pool.attachVolume(name, 'file')
    const sha = createHash('sha256').update(readFileSync(path)).digest('hex')
    await pool.detachVolume(name)
    return sha
  }
  const backupSha = async (backupName: string): Promise<string> => {
    const into = memoryTarget()
    await restoreBackup({ store })({ volumeName: 'web', backupName, target: into })
    return createHash('sha256').update(into.content()).digest('hex')
  }
  const begin = async () => {
    await run('create-volume', { sizeBytes })
    await write(0, randomBytes(5 * MiB))
  }
  const backup = (name: string, more: Partial<ParametersOf<'create-backup'>> = {}) => ({
    ...target,
    backup: name,
    lock: `lock-${name}`,
    labels: {},
    isFull: false,
    onlyIfWritten: false,
    ...more,
  })
  const snapshotNames = async () => (await pool.listSnapshots(volume)).map(({ name }) => name)
  const keys = async () => {
    const found: string[] = []
    for await (const { objects } of store.list('')) found.push(...objects.map(({ key }) => key))
    return found
  }

  it('on volumes and snapshots do the same again, when they were under way, as the first time', async () => {
    const made = await run('create-volume', { sizeBytes })
    expect(await run('create-volume', { sizeBytes }, again)).toEqual(made)
    await expect(run('create-volume', { sizeBytes })).rejects.toMatchObject({ code: 'volume-exists' })
    const snapshot = { snapshot: 'daily', labels: { by: 'test' }, onlyIfWritten: true }
    const taken = await run('create-snapshot', snapshot)
    expect(await run('create-snapshot', snapshot, again)).toEqual(taken)
    expect(await run('create-snapshot', { ...snapshot, snapshot: 'none' })).toEqual({
      outcome: 'nothing-new',
    })
    const forced = { ...snapshot, onlyIfWritten: false }
    await expect(run('create-snapshot', forced)).rejects.toMatchObject({ code: 'snapshot-exists' })
    expect(await run('expand-volume', { sizeBytes: 16 * MiB })).toMatchObject({ sizeBytes: 16 * MiB })
    expect(await run('expand-volume', { sizeBytes: 16 * MiB }, again)).toMatchObject({ sizeBytes: 16 * MiB })
    const attached = await run('attach-volume', { isMaintenance: false })
    expect(await run('attach-volume', { isMaintenance: false }, again)).toEqual(attached)
    for (const repeat of [{}, again]) await run('detach-volume', {}, repeat)
    for (const repeat of [{}, again]) await run('revert-volume', { snapshot: 'daily' }, repeat)
    for (const repeat of [{}, again]) await run('delete-snapshot', { snapshot: 'daily' }, repeat)
    for (const repeat of [{}, again]) await run('delete-volume', {}, repeat)
    expect((await pool.listVolumes()).map(({ name }) => name)).not.toContain(volume)
  })

  it('make a backup, and none when nothing was written', async () => {
    await begin()
    expect(await run('create-backup', backup('first', { onlyIfWritten: true }))).toMatchObject({
      outcome: 'made',
      backup: 'first',
      newBlocks: 3,
    })
    expect(await backupSha('first')).toBe(await headSha())
    const before = [await keys(), await snapshotNames()]
    expect(await run('create-backup', backup('none', { onlyIfWritten: true }))).toEqual({
      outcome: 'nothing-new',
    })
    expect([await keys(), await snapshotNames()]).toEqual(before)
    await write(0, randomBytes(10))
    expect(await run('create-backup', backup('second', { onlyIfWritten: true }))).toMatchObject({
      outcome: 'made',
      newBlocks: 1,
    })
    expect(await backupSha('second')).toBe(await headSha())
  })

  /** What a journal would have when the process ends after so many puts of blocks; or is killed, and deletes nothing more. */
  const dieAfter = async (
    puts: number,
    name: string,
    ending: Error,
    isKilled = false,
  ): Promise<Checkpoint | undefined> => {
    const dying = new AbortController()
    const alive = store
    let left = puts
    store = {
      ...alive,
      put: async (key, body, options) => {
        const result = await alive.put(key, body, options)
        if (key.endsWith('.blk') && --left === 0) dying.abort(ending)
        return result
      },
      deleteMany: (...of) =>
        isKilled && dying.signal.aborted ? Promise.reject(new Error('killed')) : alive.deleteMany(...of),
    }
    let checkpoint: Checkpoint | undefined
    const writeCheckpoint = (data: JsonObject, append: Uint8Array) => {
      checkpoint = { data, appended: Buffer.concat([checkpoint?.appended ?? Buffer.alloc(0), append]) }
    }
    const dead = run('create-backup', backup(name), { signal: dying.signal, writeCheckpoint })
    await expect(dead).rejects.toBe(ending)
    store = alive
    return checkpoint
  }

  it('go on with a backup whose process ended', async () => {
    await begin()
    const checkpoint = await dieAfter(1, 'first', new ProcessEnding('stopping'))
    const [snapshot] = await snapshotNames()
    await write(0, randomBytes(100))
    const made = await run('create-backup', backup('first'), { ...again, checkpoint })
    expect(made).toMatchObject({ backup: 'first', snapshot })
    expect(await backupSha('first')).not.toBe(await headSha())
    expect(await snapshotNames()).toEqual([snapshot])
    expect((await keys()).filter((key) => /\/locks\/|backup_/.test(key))).toHaveLength(1)
  })

  it('report a backup that was committed, and not yet reported', async () => {
    await begin()
    let checkpoint: Checkpoint | undefined
    const writeCheckpoint = (data: JsonObject, append: Uint8Array) => {
      checkpoint = { data, appended: Buffer.concat([checkpoint?.appended ?? Buffer.alloc(0), append]) }
    }
    const made = await run('create-backup', backup('first'), { writeCheckpoint })
    const before = await keys()
    expect(await run('create-backup', backup('first'), { ...again, checkpoint })).toEqual(made)
    expect(await keys()).toEqual(before)
  })

  it('make a backup anew when its mark was removed, or it died before its first checkpoint', async () => {
    await begin()
    const checkpoint = await dieAfter(1, 'first', new ProcessEnding('stopping'))
    await store.deleteMany((await keys()).filter((key) => key.includes('backup_')))
    const made = await run('create-backup', backup('first'), { ...again, checkpoint })
    expect(made.backup).not.toBe('first')
    expect(await backupSha(z.string().parse(made.backup))).toBe(await headSha())
    await dieAfter(1, 'second', new ProcessEnding('stopping')).catch(() => undefined)
    const other = await run('create-backup', backup('second'), again)
    expect(await backupSha(z.string().parse(other.backup))).toBe(await headSha())
    expect(await snapshotNames()).toEqual([other.snapshot])
  })

  it('leave neither snapshot, mark nor lock of a backup that was cancelled', async () => {
    await begin()
    await dieAfter(1, 'first', new Error('cancelled'))
    expect(await snapshotNames()).toEqual([])
    expect((await keys()).filter((key) => /\/locks\/|backup_/.test(key))).toEqual([])
  })

  const locksAndConfigs = async () => (await keys()).filter((key) => /\/locks\/|backup_/.test(key))

  it('leave nothing of a backup that was cancelled after its process was killed', async () => {
    await begin()
    const signal = AbortSignal.abort(new Error('cancelled'))
    const checkpoint = await dieAfter(1, 'first', new ProcessEnding('killed'), true)
    await dieAfter(1, 'second', new ProcessEnding('killed'), true)
    expect(await locksAndConfigs()).toHaveLength(4)
    for (const [name, more] of [
      ['first', { checkpoint }],
      ['second', {}],
    ] as const)
      await expect(run('create-backup', backup(name), { ...again, ...more, signal })).rejects.toThrow(
        'cancelled',
      )
    expect(await locksAndConfigs()).toEqual([])
    expect(await snapshotNames()).toEqual([])
  })

  it('take nothing that was sent under a lost mark for sent, when one made anew is gone on with', async () => {
    await begin()
    // What a backup without a base builds on is looked at before its commit.
    await run('create-backup', backup('base'))
    const before = await keys()
    await write(0, randomBytes(5 * MiB))
    let checkpoint: Checkpoint | undefined
    const ending = new ProcessEnding('stopping')
    const endWhen = async (
      isTime: (data: JsonObject, append: Uint8Array) => boolean,
      more: Partial<Performance>,
    ) => {
      const dying = new AbortController()
      const writeCheckpoint = (data: JsonObject, append: Uint8Array) => {
        checkpoint = { data, appended: Buffer.concat([checkpoint?.appended ?? Buffer.alloc(0), append]) }
        if (isTime(data, append)) dying.abort(ending)
      }
      const of = { ...more, checkpoint, writeCheckpoint, signal: dying.signal }
      await expect(run('create-backup', backup('first'), of)).rejects.toBe(ending)
    }
    await endWhen((_, append) => append.length > 0, {})
    await store.deleteMany((await keys()).filter((key) => !before.includes(key)))
    await endWhen(({ backupName }) => backupName === 'first-again', again)
    const made = await run('create-backup', backup('first'), { ...again, checkpoint })
    expect(made).toMatchObject({ backup: 'first-again' })
    expect(await backupSha('first-again')).toBe(await headSha())
  })

  it('leave no lock of a backup that was committed, nor of one made anew and killed again and again', async () => {
    await begin()
    const checkpoint = await dieAfter(1, 'first', new ProcessEnding('killed'), true)
    await pool.deleteSnapshot(volume, z.string().parse(checkpoint?.data['snapshotName']))
    await dieAfter(1, 'first-again', new ProcessEnding('killed'), true)
    const made = await run('create-backup', backup('first'), { ...again, checkpoint })
    expect(made).toMatchObject({ backup: 'first-again' })
    expect(await locksAndConfigs()).toHaveLength(1)
    const lock =
      (await locksAndConfigs()).map((key) => key.replace(/backups\/.*/, 'locks/lock-third.lck'))[0] ?? ''
    let last: Checkpoint | undefined
    const writeCheckpoint = (data: JsonObject, appended: Uint8Array) => {
      last = { data, appended }
    }
    const third = await run('create-backup', backup('third'), { writeCheckpoint })
    await store.put(lock, Buffer.from('{"Name":"lock-third","Type":1,"Acquired":true}'))
    expect(await run('create-backup', backup('third'), { ...again, checkpoint: last })).toEqual(third)
    expect(await keys()).not.toContain(lock)
    expect(await snapshotNames()).toEqual([third.snapshot])
  })

  it('restore into a new volume, once', async () => {
    await begin()
    await run('create-backup', backup('first'))
    const restore = { ...target, backup: 'first', isSalvage: false }
    const copy = `${volume}-copy`
    expect(await run('restore-backup', restore, {}, copy)).toMatchObject({ sizeBytes, lostBlocks: 0 })
    expect(await headSha(copy)).toBe(await headSha())
    expect(await run('restore-backup', restore, again, copy)).toMatchObject({ sizeBytes })
    await expect(run('restore-backup', restore, {}, copy)).rejects.toMatchObject({ code: 'volume-exists' })
  })

  it('verify, delete and collect', async () => {
    await begin()
    await run('create-backup', backup('first'))
    expect(await run('verify-backup', { ...target, backup: 'first' })).toMatchObject({ badBlocks: 0 })
    const remove = { ...target, backup: 'first', lock: 'lock-delete' }
    expect(await run('delete-backup', remove)).toMatchObject({ deletedBlocks: 3 })
    expect(await run('delete-backup', remove, again)).toMatchObject({ deletedBlocks: 0 })
    expect(await run('collect-blocks', { ...target, lock: 'lock-collect' })).toMatchObject({
      deletedBlocks: 0,
    })
  })

  it('that fail say why and what to do', async () => {
    const failure = await run('attach-volume', { isMaintenance: false }).catch(failureOf)
    expect(failure).toMatchObject({ code: 'volume-not-found', hint: expect.stringContaining('drover') })
    expect(failureOf(new TypeError('oops'))).toEqual({ code: 'internal', message: 'TypeError: oops' })
  })
})
