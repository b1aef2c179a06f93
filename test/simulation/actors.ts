/**
 * @module actors: Drover's operations on one tiny volume, and Longhorn's as longhorn/backupstore performs them, call by call.
 */
import { randomIds, type Ids } from '#lib/base/ids.ts'
import { silentLog } from '#lib/base/log.ts'
import { MiB } from '#lib/base/sizes.ts'
import type { BlockSource } from '#lib/backup/block-source.ts'
import { createBackup, type CreateBackup } from '#lib/backup/create-backup.ts'
import { collectBackupVolume, deleteBackup } from '#lib/backup/delete-backup.ts'
import { deleteBackupVolume } from '#lib/backup/delete-backup-volume.ts'
import { encodeBackupConfig, inProgressConfig, type BackupConfig } from '#lib/backupstore/backup-config.ts'
import { listBackupNames, readBackup, readVolumeConfig } from '#lib/backupstore/backup-volume.ts'
import { blockListBuilder, checksumAt } from '#lib/backupstore/block-list.ts'
import { checksumOf } from '#lib/backupstore/checksum.ts'
import { blockChecksumOf, volumeKeys } from '#lib/backupstore/keys.ts'
import { encodeLock, isBefore, isExpired, readLocks, type LockType } from '#lib/backupstore/lock-file.ts'
import { encodeVolumeConfig } from '#lib/backupstore/volume-config.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import type { Actor } from './scheduler.ts'

export const volumeName = 'vol'
export const keys = volumeKeys(volumeName)
const blockSizeBytes = 2 * MiB

export const checksumFor = (content: string): string => checksumOf(`content ${content}`)

/** A volume of named contents: what is stored of each is its name, since only presence matters here. */
export const namedSource = (contents: readonly string[]): BlockSource => ({
  description: contents.join(','),
  sizeBytes: contents.length * blockSizeBytes,
  allocatedBlocks: async () => Uint32Array.from(contents.keys()),
  read: async ({ index, skipIf }) => {
    const content = contents[index] ?? ''
    const checksum = checksumFor(content)
    return checksum === skipIf ? { checksum } : { checksum, stored: Buffer.from(content) }
  },
  hasChanged: async () => false,
  close: async () => {},
})

let nextId = 0
/** Not random, so that a failing schedule can be run again. */
export const countingIds = (): Ids => ({
  name: (prefix) => `${prefix}-${String(nextId++).padStart(16, '0')}`,
})

export const droverBackup =
  (backupName: string, contents: readonly string[], options: Partial<CreateBackup> = {}) =>
  ({ store, clock }: Actor) =>
    createBackup({ store, clock, ids: countingIds(), log: silentLog })({
      volumeName,
      backupName,
      source: namedSource(contents),
      labels: {},
      concurrency: 1,
      ...options,
    })

export const droverDeletion =
  (backupName: string) =>
  ({ store, clock }: Actor) =>
    deleteBackup({ store, clock, ids: countingIds(), log: silentLog })({ volumeName, backupName })

export const droverCollection = ({ store, clock }: Actor) =>
  collectBackupVolume({ store, clock, ids: countingIds(), log: silentLog })({ volumeName })

export const droverVolumeDeletion = ({ store, clock }: Actor) =>
  deleteBackupVolume({ store, clock, ids: countingIds(), log: silentLog })({ volumeName })

/** Longhorn's lock: no second try. Returns how to let go of it. */
const longhornLock = async ({ store, clock }: Actor, type: LockType): Promise<() => Promise<void>> => {
  const name = randomIds.name('lock')
  const key = keys.lock(name)
  await store.put(key, encodeLock(name, type, false))
  await clock.sleep(2000)
  const others = await readLocks(store, keys, name)
  const head = await store.head(key)
  const mine = { name, isAcquired: false, lastModifiedNs: head?.lastModifiedNs ?? 0n }
  if (others.some((lock) => lock.type !== type && !isExpired(lock) && isBefore(lock, mine))) {
    await store.deleteMany([key])
    throw new Error('failed to acquire lock')
  }
  await store.put(key, encodeLock(name, type, true))
  const stopping = new AbortController()
  const refreshing = (async () => {
    for (;;) {
      await clock.sleep(60_000, stopping.signal)
      await store.put(key, encodeLock(name, type, true))
    }
  })().catch(() => undefined)
  return async () => {
    stopping.abort()
    await refreshing
    await store.deleteMany([key])
  }
}

const bytesOf = (config: BackupConfig): Uint8Array => Buffer.concat([...encodeBackupConfig(config).open()])

/** longhorn/backupstore deltablock.go, CreateDeltaBlockBackup and performBackup. */
export const longhornBackup =
  (backupName: string, contents: readonly string[]) =>
  async (actor: Actor): Promise<void> => {
    const { store, clock } = actor
    const release = await longhornLock(actor, 1)
    const volume = await readVolumeConfig(store, keys)
    if (!volume) throw new Error('no volume.cfg')
    const last = volume.value.lastBackupName
    const base = last === '' ? undefined : await readBackup(store, keys, last).catch(() => undefined)
    const mark = inProgressConfig({ name: backupName, volumeName, compressionMethod: 'lz4' })
    await store.put(keys.backupConfig(backupName), bytesOf(mark))
    const blocks = blockListBuilder(blockSizeBytes)
    for (const [index, content] of contents.entries()) {
      const checksum = checksumFor(content)
      blocks.set(index, checksum)
      const position = base?.value.blocks.indexes.indexOf(index) ?? -1
      if (base && position >= 0 && checksumAt(base.value.blocks, position) === checksum) continue
      if (!(await store.head(keys.block(checksum))))
        await store.put(keys.block(checksum), Buffer.from(content))
    }
    const time = clock.now().toISOString()
    await store.put(
      keys.backupConfig(backupName),
      bytesOf({
        ...mark,
        snapshotCreatedAt: time,
        createdAt: time,
        labels: {},
        parameters: {},
        blocks: blocks.build(),
      }),
    )
    const reloaded = await readVolumeConfig(store, keys)
    if (reloaded)
      await store.put(
        keys.volumeConfig,
        encodeVolumeConfig({ ...reloaded.value, lastBackupName: backupName, lastBackupAt: time }),
      )
    await release()
  }

const listBlockKeys = async (store: ObjectStore): Promise<string[]> => {
  const found: string[] = []
  for await (const page of store.list(keys.blocksFolder))
    found.push(...page.objects.map((object) => object.key))
  return found.filter((key) => blockChecksumOf(keys, key) !== undefined)
}

/** longhorn/backupstore deltablock.go, DeleteDeltaBlockBackup. */
export const longhornDeletion =
  (backupName: string) =>
  async (actor: Actor): Promise<void> => {
    const { store } = actor
    const release = await longhornLock(actor, 2)
    await store.deleteMany([keys.backupConfig(backupName)])
    const volume = await readVolumeConfig(store, keys)
    if (!volume) throw new Error('cannot find volume in backupstore')
    const names = await listBackupNames(store, keys)
    const blocks = await listBlockKeys(store)
    const used = new Set<string>()
    let mayCollect = true
    for (const name of names) {
      const backup = await readBackup(store, keys, name).catch(() => undefined)
      if (!backup || backup.value.createdAt === '') mayCollect = false
      else
        for (let i = 0; i < backup.value.blocks.count; i++)
          used.add(keys.block(checksumAt(backup.value.blocks, i)))
    }
    if (volume.value.lastBackupName === backupName) {
      await store.put(
        keys.volumeConfig,
        encodeVolumeConfig({ ...volume.value, lastBackupName: '', lastBackupAt: '' }),
      )
    }
    const again = await listBackupNames(store, keys)
    if (mayCollect && again.join() === names.join()) {
      for (const key of blocks) if (!used.has(key)) await store.deleteMany([key])
    }
    await release()
  }
