/**
 * @module lock-file: the `.lck` objects of a backup volume: their content, their times, their order.
 *
 * Nothing inside has a time: the object's own Last-Modified, by the store's clock, says how old it is.
 * Source: longhorn.md 2.4 and 3.6, `bs/lock.go`.
 */
import * as z from 'zod'
import { getBytes, type ObjectStore } from '#lib/object-store/object-store.ts'
import { lockNameOf, type VolumeKeys } from './keys.ts'

/** 1 is a backup's or a restore's, 2 a deletion's. Different types conflict, same types never do. */
export type LockType = 1 | 2

export const lockLifeNs = 150_000_000_000n
export const lockRefreshMs = 60_000
/** Two refreshes further apart than this count as a crash of their owner (docs/backupstore-format.md, locks). */
export const lockGapNs = 100_000_000_000n
/** Longhorn waits this long between writing its lock and listing the others: S3's times are whole seconds. */
export const lockSettleMs = 2000

const LockFile = z.object({ Name: z.string(), Type: z.int(), Acquired: z.boolean() })

export interface LockFile {
  name: string
  type: number
  isAcquired: boolean
  lastModifiedNs: bigint
  serverTimeNs: bigint
}

export const encodeLock = (name: string, type: LockType, isAcquired: boolean): Uint8Array =>
  Buffer.from(JSON.stringify({ Name: name, Type: type, Acquired: isAcquired }))

/** By the server's clock alone, so that ours may be wrong. */
export const isExpired = (lock: Pick<LockFile, 'lastModifiedNs' | 'serverTimeNs'>): boolean =>
  lock.serverTimeNs - lock.lastModifiedNs > lockLifeNs

const decodeLock = (bytes: Uint8Array): z.infer<typeof LockFile> | undefined => {
  try {
    return LockFile.parse(JSON.parse(Buffer.from(bytes).toString()))
  } catch {
    return undefined
  }
}

const readLock = async (store: ObjectStore, key: string, name: string): Promise<LockFile | undefined> => {
  const object = await getBytes(store, key, { maxBytes: 64 * 1024 })
  const content = object && decodeLock(object.bytes)
  if (!content) return undefined
  const { lastModifiedNs, serverTimeNs } = object.head
  return { name, type: content.Type, isAcquired: content.Acquired, lastModifiedNs, serverTimeNs }
}

/** All locks of a volume that can be read; the others are ignored, as Longhorn does. One LIST, and a GET for each but `except`. */
export const readLocks = async (
  store: ObjectStore,
  keys: VolumeKeys,
  except: string,
): Promise<LockFile[]> => {
  const locks: LockFile[] = []
  for await (const page of store.list(keys.locksFolder, { delimiter: '/' })) {
    for (const { key } of page.objects) {
      const name = lockNameOf(keys, key)
      const lock = name === undefined || name === except ? undefined : await readLock(store, key, name)
      if (lock) locks.push(lock)
    }
  }
  return locks
}

/** Longhorn's order: acquired ones first, then the earlier, then by name. */
export const isBefore = (
  a: Omit<LockFile, 'serverTimeNs' | 'type'>,
  b: Omit<LockFile, 'serverTimeNs' | 'type'>,
): boolean => {
  if (a.isAcquired !== b.isAcquired) return a.isAcquired
  if (a.lastModifiedNs !== b.lastModifiedNs) return a.lastModifiedNs < b.lastModifiedNs
  return Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)) < 0
}
