/**
 * @module attachment: how a volume is attached: whether anything can write to it, and where.
 */
import { basename } from 'node:path'
import { existsSync, readdirSync } from 'node:fs'
import { attachLoopDevice, detachLoopDevice, loopDeviceOf, type LoopDevice } from './loop-devices.ts'
import { attachmentOf, type Attachment, type Frontend } from './attachment-state.ts'
import { useOfDevice, type DeviceUse } from './mounts.ts'
import { changeVolume } from './pending.ts'
import { headImage, writeVolume, type PoolContext, type VolumeEntry } from './pool-context.ts'
import { VolumeError } from './volume-error.ts'
import type { VolumeRecord } from './volume-record.ts'

const attachedError = (name: string, { frontend, path }: Attachment, action: string): VolumeError =>
  new VolumeError('volume-attached', `volume ${name} is attached (${path ?? frontend}): cannot ${action}`, {
    hint: `detach it first, with: drover pool volume detach ${name}`,
  })

/** @throws VolumeError `volume-attached`. */
export const requireDetached = async (
  context: PoolContext,
  record: VolumeRecord,
  action: string,
): Promise<void> => {
  const attachment = await attachmentOf(context, record)
  if (attachment) throw attachedError(record.name, attachment, action)
}

/** Detached, or attached without a frontend. @throws VolumeError `volume-attached`. */
export const requireNoFrontend = async (
  context: PoolContext,
  record: VolumeRecord,
  action: string,
): Promise<void> => {
  const attachment = await attachmentOf(context, record)
  if (attachment && attachment.frontend !== 'none') throw attachedError(record.name, attachment, action)
}

/** Safe to repeat: a second attach finds the first. @throws VolumeError `volume-attached` to another frontend. */
export const attachVolume = (context: PoolContext, name: string, frontend: Frontend): Promise<Attachment> => {
  return changeVolume(context, name, async (entry) => {
    const there = await attachmentOf(context, entry.record)
    if (there?.frontend === frontend) return there
    if (there) throw attachedError(name, there, `attach it as ${frontend}`)
    return attachNow(context, entry, frontend)
  })
}

const attachNow = async (
  context: PoolContext,
  entry: VolumeEntry,
  frontend: Frontend,
): Promise<Attachment> => {
  const { record } = entry
  const attachments = record.attachments + (frontend === 'none' ? 0 : 1)
  await writeVolume(context, entry, {
    ...record,
    attachments,
    frontend: frontend === 'block' ? null : frontend,
  })
  const image = headImage(context, record)
  if (frontend !== 'block')
    return { frontend, path: frontend === 'file' ? image : undefined, device: undefined }
  // losetup finds a free device, then takes it: two at once may meet.
  const device = await context.inTurn(() => attachLoopDevice(context.host, image, record.sectorSizeBytes))
  if (!device.isDirect)
    context.log.warn('no direct I/O here: what is written is held in memory twice', { device: device.path })
  return { frontend, path: device.path, device }
}

const holdersOf = (device: string): string[] => {
  const folder = `/sys/block/${basename(device)}/holders`
  return existsSync(folder) ? readdirSync(folder) : []
}

const usesOf = ({ mounts, publishedAt }: DeviceUse, holders: readonly string[]): string[] => [
  ...mounts.map(({ target }) => `mounted at ${target}`),
  ...publishedAt.map((target) => `published at ${target}`),
  ...holders.map((holder) => `held by ${holder}`),
]

const tries = 50
const pauseMs = 100

/**
 * Safe to repeat. A device that is bound elsewhere is not held by that: detached, its number would go to another volume while
 * the workload writes on. So it is looked for. @throws VolumeError `volume-in-use`.
 */
export const detachVolume = (context: PoolContext, name: string): Promise<void> => {
  return changeVolume(context, name, async (entry) => {
    const attachment = await attachmentOf(context, entry.record)
    if (!attachment) return
    if (attachment.device) await detachDevice(context, entry, attachment.device)
    else await writeVolume(context, entry, { ...entry.record, frontend: null })
  })
}

const inUse = (name: string, device: string, uses: string): VolumeError =>
  new VolumeError('volume-in-use', `volume ${name}: ${device} is ${uses}`, {
    hint: 'unmount it, stop what has it open, and detach it again',
  })

const detachDevice = async (
  context: PoolContext,
  { record }: VolumeEntry,
  device: LoopDevice,
): Promise<void> => {
  const { name } = record
  const uses = usesOf(await useOfDevice(context.host, device.path), holdersOf(device.path))
  if (uses.length > 0) throw inUse(name, device.path, uses.join(', '))
  await detachLoopDevice(context.host, device)
  // One that is open goes away only when it is closed.
  for (let attempt = 1; attempt <= tries; attempt++) {
    if (!(await loopDeviceOf(context.host, headImage(context, record)))) return
    await context.clock.sleep(pauseMs)
  }
  throw inUse(name, device.path, 'still open, and goes away when it is closed')
}
