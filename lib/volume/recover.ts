/**
 * @module recover: when a pool is opened: what a crash left half done is finished or taken back.
 *
 * Each volume's record says what was under way. What no record names is never touched: it may be somebody's.
 */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { detachLoopDevice, listLoopDevices } from './loop-devices.ts'
import { useOfDevice } from './mounts.ts'
import { settlePending } from './pending.ts'
import { volumesFolder } from './pool-config.ts'
import { newEntry, volumeFolder, type PoolContext, type VolumeEntry } from './pool-context.ts'
import { VolumeError } from './volume-error.ts'
import { decodeRecord, type VolumeRecord } from './volume-record.ts'

/** What is in the pool's folder and cannot be told. */
export interface Oddity {
  path: string
  reason: string
}

const readRecord = async (folder: string): Promise<VolumeRecord | undefined> => {
  const path = join(folder, 'volume.json')
  if (!existsSync(path)) return undefined
  return decodeRecord(await readFile(path, 'utf8'), path)
}

/** One that died before its first record, or after its last: it has at most half a record in it. */
const isEmpty = async (folder: string): Promise<boolean> =>
  (await readdir(folder)).every((name) => name === 'volume.json.tmp')

const oddLayers = async (context: PoolContext, { record }: VolumeEntry): Promise<Oddity[]> => {
  const folder = volumeFolder(context, record.name)
  const known = new Set([record.head.id, ...record.snapshots.map(({ id }) => id)])
  const ours = new Set(['volume.json', 'volume.json.tmp'])
  return (await readdir(folder))
    .filter((name) => !known.has(name) && !ours.has(name))
    .map((name) => ({ path: join(folder, name), reason: `volume ${record.name} has no such layer` }))
}

const loadVolume = async (context: PoolContext, name: string): Promise<Oddity[]> => {
  const folder = volumeFolder(context, name)
  const record = await readRecord(folder)
  if (record) {
    if (record.name !== name) return [{ path: folder, reason: `its record is that of volume ${record.name}` }]
    const entry = newEntry(record)
    context.volumes.set(name, entry)
    await settlePending(context, entry)
    return context.volumes.has(name) ? oddLayers(context, entry) : []
  }
  if (!(await isEmpty(folder))) return [{ path: folder, reason: 'it has no record' }]
  await context.host.removeTree(folder)
  return []
}

/** Of heads that are gone, as a deleted volume's: nothing can be done with them, but for what is mounted. */
const detachOrphans = async (context: PoolContext): Promise<void> => {
  const within = `${volumesFolder(context.folder)}/`
  for (const device of await listLoopDevices(context.host)) {
    const { backingPath } = device
    const isGone = backingPath.endsWith(' (deleted)') && backingPath.startsWith(within)
    if (!isGone) continue
    const { mounts, publishedAt } = await useOfDevice(context.host, device.path)
    if (mounts.length + publishedAt.length > 0) continue
    context.log.warn('detaching the device of a volume that is gone', { device: device.path, backingPath })
    await detachLoopDevice(context.host, device)
  }
}

/** Fills the context's volumes. One that cannot be told, or put right, is left alone and named, and keeps no other from its work. */
export const recoverPool = async (context: PoolContext): Promise<Oddity[]> => {
  const found: Oddity[] = []
  const names = (await readdir(volumesFolder(context.folder))).toSorted()
  for (const name of names) {
    const odd = await loadVolume(context, name).catch((error: unknown) => {
      if (!(error instanceof VolumeError) || error.code === 'missing-program') throw error
      context.volumes.delete(name)
      return [{ path: volumeFolder(context, name), reason: error.message }]
    })
    found.push(...odd)
  }
  await detachOrphans(context)
  return found
}
