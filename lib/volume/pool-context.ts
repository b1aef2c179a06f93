/**
 * @module pool-context: what every operation on an open pool shares.
 */
import { join } from 'node:path'
import type { Clock } from '#lib/base/clock.ts'
import type { Ids } from '#lib/base/ids.ts'
import type { Log } from '#lib/base/log.ts'
import { serial } from '#lib/base/serial.ts'
import type { Host } from './host.ts'
import { statImage } from './image-file.ts'
import { volumesFolder, type PoolConfig } from './pool-config.ts'
import { imageOf, type PoolDriver } from './pool-driver.ts'
import { VolumeError } from './volume-error.ts'
import { encodeRecord, isComplete, type VolumeRecord } from './volume-record.ts'

export interface VolumeEntry {
  record: VolumeRecord
  /** One change of a volume at a time. */
  inTurn: ReturnType<typeof serial>
  /** By snapshot id: how many are reading it. */
  readers: Map<string, number>
}

export interface PoolContext {
  folder: string
  config: PoolConfig
  host: Host
  driver: PoolDriver
  clock: Clock
  ids: Ids
  log: Log
  /** How long a volume's file system may be frozen for a snapshot. */
  freezeDeadlineMs: number
  volumes: Map<string, VolumeEntry>
  /** What adds a volume, a snapshot or a device takes turns, so that room is not promised twice. */
  inTurn: ReturnType<typeof serial>
}

export const volumeFolder = (context: { folder: string }, name: string): string =>
  join(volumesFolder(context.folder), name)

export const layerFolder = (context: { folder: string }, record: VolumeRecord, layerId: string): string =>
  join(volumeFolder(context, record.name), layerId)

export const headImage = (context: { folder: string }, record: VolumeRecord): string =>
  imageOf(layerFolder(context, record, record.head.id))

export const newEntry = (record: VolumeRecord): VolumeEntry => ({
  record,
  inTurn: serial(),
  readers: new Map(),
})

/** @throws VolumeError `volume-not-found`. */
export const requireVolume = (context: PoolContext, name: string): VolumeEntry => {
  const entry = context.volumes.get(name)
  if (entry && isComplete(entry.record)) return entry
  throw new VolumeError('volume-not-found', `pool ${context.folder} has no volume ${name}`, {
    hint: 'see its volumes with: drover pool volume list',
  })
}

/** On the disk before it counts in memory. */
export const writeVolume = async (
  context: PoolContext,
  entry: VolumeEntry,
  record: VolumeRecord,
): Promise<void> => {
  await context.host.writeRecord(
    join(volumeFolder(context, record.name), 'volume.json'),
    encodeRecord(record),
  )
  entry.record = record
}

/** Removes a layer that nothing names any more. Announced, so that a crash does not leave it behind. */
export const removeLayer = async (
  context: PoolContext,
  entry: VolumeEntry,
  record: VolumeRecord,
  layerId: string,
): Promise<void> => {
  await writeVolume(context, entry, { ...record, pending: { kind: 'remove-layer', layerId } })
  await context.driver.removeLayer(layerFolder(context, record, layerId))
  await writeVolume(context, entry, { ...record, pending: null })
}

/** A layer has the size it must have. @throws VolumeError `layer-damaged`. */
export const checkLayer = async (layer: string, sizeBytes: number): Promise<void> => {
  const { size } = await statImage(imageOf(layer))
  if (Number(size) === sizeBytes) return
  throw new VolumeError('layer-damaged', `${imageOf(layer)} has ${size} bytes instead of ${sizeBytes}`)
}
