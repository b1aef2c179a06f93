/**
 * @module loop-devices: the loop device of a volume, found by what it is on (device and inode number), never by its path, which changes with a rename.
 *
 * `losetup --find` on a file that has a device makes a second one without a word, and `--nooverlap` is no lock. So whoever calls
 * takes turns; and what came of it is looked at.
 */
import { randomUUID } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import * as z from 'zod'
import type { Host } from './host.ts'
import { statImage } from './image-file.ts'
import { VolumeError } from './volume-error.ts'

/** Of one that somebody detaches at this moment, losetup knows but the name. */
const LoopDevice = z.object({
  name: z.string(),
  'back-file': z.string().nullable(),
  'back-ino': z.coerce.number(),
  'back-maj:min': z.string().nullable(),
  'log-sec': z.coerce.number(),
  dio: z.union([z.boolean(), z.string()]).nullable(),
})
const LoopList = z.object({ loopdevices: z.array(LoopDevice) })

export interface LoopDevice {
  /** `/dev/loop3` */
  path: string
  /** As it was when it was attached; ` (deleted)` at its end if there is none by that name now. */
  backingPath: string
  sectorSizeBytes: number
  isDirect: boolean
}

export interface BackedDevice extends LoopDevice {
  inode: number
  device: string
}

const columns = 'NAME,BACK-FILE,BACK-INO,BACK-MAJ:MIN,LOG-SEC,DIO'

export const listLoopDevices = async (host: Host): Promise<BackedDevice[]> => {
  const text = await host.ask('losetup', ['--list', '--json', '--output', columns])
  if (text.trim() === '') return []
  return LoopList.parse(JSON.parse(text)).loopdevices.map((found) => ({
    path: found.name,
    backingPath: found['back-file'] ?? '',
    inode: found['back-ino'],
    device: found['back-maj:min']?.trim() ?? '',
    sectorSizeBytes: found['log-sec'],
    isDirect: found.dio === true || found.dio === '1',
  }))
}

/** `major:minor`, as the kernel's dev_t has them: makedev(3). */
const deviceNumber = (dev: bigint): string => {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn)
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn)
  return `${major}:${minor & 0xffffffffn}`
}

/** `listed`: all of them, where one listing does for many images. @throws VolumeError `several-devices`, `layer-damaged`. */
export const loopDeviceOf = async (
  host: Host,
  image: string,
  listed?: readonly BackedDevice[],
): Promise<LoopDevice | undefined> => {
  const { ino, dev } = await statImage(image)
  const found = (listed ?? (await listLoopDevices(host))).filter(
    (device) => device.inode === Number(ino) && device.device === deviceNumber(dev),
  )
  if (found.length < 2) return found[0]
  const names = found.map(({ path }) => path).join(', ')
  throw new VolumeError('several-devices', `${image} has more than one loop device: ${names}`, {
    hint: 'unmount what is mounted from them, then detach all but the one in use with: losetup --detach DEVICE',
  })
}

export const attachLoopDevice = async (
  host: Host,
  image: string,
  sectorSizeBytes: number,
): Promise<LoopDevice> => {
  const options = ['--nooverlap', '--direct-io=on', '--sector-size', String(sectorSizeBytes)]
  await host.run('losetup', ['--find', '--show', ...options, image])
  const device = await loopDeviceOf(host, image)
  if (device) return device
  throw new VolumeError('host-failed', `losetup gave ${image} no device`)
}

export const detachLoopDevice = async (host: Host, { path }: LoopDevice): Promise<void> => {
  await host.run('losetup', ['--detach', path])
}

/** Has it see its file's new size. */
export const resizeLoopDevice = async (host: Host, { path }: LoopDevice): Promise<void> => {
  await host.run('losetup', ['--set-capacity', path])
}

/** What was written to its node itself, by whoever uses it without a file system, and still is in memory. */
export const syncLoopDevice = async ({ path }: LoopDevice): Promise<void> => {
  const device = await open(path, 'r+')
  try {
    await device.sync()
  } finally {
    await device.close()
  }
}

export interface WriteCounters {
  /** Tells one attachment from any other. */
  attachment: string
  writes: number
  /** Of 512 bytes. */
  writtenSectors: number
  /** Sectors written and discarded, as one text. */
  counters: string
}

/** A flush alone counts as a write, of no sectors. */
const fieldAt = { writes: 4, writtenSectors: 6, discardedSectors: 13 }

/** What was written and discarded since it was attached. Source: the kernel's Documentation/block/stat.rst. */
export const writeCounters = async ({ path }: LoopDevice): Promise<WriteCounters> => {
  const folder = `/sys/block/${basename(path)}`
  const [stats, sequence, boot] = await Promise.all([
    readFile(`${folder}/stat`, 'utf8'),
    // Before Linux 5.15 there is none: then no attachment is known again.
    readFile(`${folder}/diskseq`, 'utf8').catch(() => randomUUID()),
    readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
  ])
  const fields = (stats ?? '').trim().split(/\s+/).map(Number)
  const at = (index: number): number => fields[index] ?? 0
  return {
    attachment: `${(boot ?? '').trim()}/${(sequence ?? '').trim()}`,
    writes: at(fieldAt.writes),
    writtenSectors: at(fieldAt.writtenSectors),
    counters: `${at(fieldAt.writtenSectors)} ${at(fieldAt.discardedSectors)}`,
  }
}
