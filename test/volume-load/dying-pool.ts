/**
 * @module dying-pool: a pool's file system that loses its power: an XFS that is shut down, or a Btrfs whose image lies on one.
 *
 * After a shutdown nothing that was not synced is ever written; the next mount replays the log, as after a power cut.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makePoolFileSystem, run } from '../pool-file-system.ts'
import type { Cleanups } from './cleanups.ts'
import { sh } from './mounting.ts'

export interface DyingPool {
  /** Of the pool. */
  folder: string
  /** fio, until it cannot write any more. */
  startWriting(device: string): Promise<{ ended: Promise<unknown> }>
  losePower(): Promise<void>
  /** Detaches and unmounts all, and mounts it again. */
  restart(): Promise<void>
}

/** Those on files under a folder, which may be unreadable; their names have no blanks. */
const detachUnder = (folder: string): void => {
  const loops = run('losetup', '--list', '--noheadings', '--output', 'NAME,BACK-FILE').split('\n')
  for (const line of loops) {
    const [device = '', backing = ''] = line.trim().split(/\s+/)
    if (backing.startsWith(`${folder}/`)) run('losetup', '--detach', device)
  }
}

const isMounted = (folder: string): boolean =>
  run('sh', '-c', `findmnt --noheadings '${folder}' || true`).trim() !== ''

const unmountIfMounted = (folder: string): void => {
  if (isMounted(folder)) run('umount', folder)
}

/** Ended by the loss of power, at the latest by `made`. */
const startWriting = async (device: string, made: Cleanups): Promise<{ ended: Promise<unknown> }> => {
  const args = ['--name=write', `--filename=${device}`, '--direct=1', '--rw=randwrite', '--bs=4k']
  const fio = spawn('fio', [...args, '--rate_iops=400', '--fsync=16', '--time_based', '--runtime=60'], {
    cwd: '/',
    stdio: 'ignore',
  })
  const ended = once(fio, 'close')
  made.add(async () => {
    fio.kill()
    await ended
  })
  await once(fio, 'spawn')
  return { ended }
}

/** A Btrfs in an image on the XFS; mounted elsewhere, since the XFS will not answer. */
const btrfsOn = (
  folder: string,
  sizeBytes: number,
  made: Cleanups,
): { folder: string; stop(): void; start(): void } => {
  const image = join(folder, 'btrfs.img')
  run('truncate', '-s', String(sizeBytes), image)
  run('mkfs.btrfs', '-q', image)
  const mountpoint = join(mkdtempSync(join(tmpdir(), 'drover-btrfs-')), 'pool')
  mkdirSync(mountpoint)
  made.add(() => rmdirSync(join(mountpoint, '..')))
  made.add(() => rmdirSync(mountpoint))
  const start = (): void => {
    const device = run('losetup', '--find', '--show', '--direct-io=on', image).trim()
    run('mount', device, mountpoint)
  }
  const stop = (): void => {
    detachUnder(mountpoint)
    unmountIfMounted(mountpoint)
    detachUnder(folder)
  }
  start()
  made.add(stop)
  return { folder: mountpoint, stop, start }
}

export const makeDyingPool = (kind: 'xfs' | 'btrfs', sizeBytes: number, made: Cleanups): DyingPool => {
  const disk = makePoolFileSystem('xfs', sizeBytes * 2)
  made.add(() => disk.close())
  const btrfs = kind === 'btrfs' ? btrfsOn(disk.folder, sizeBytes, made) : undefined
  return {
    folder: btrfs?.folder ?? disk.folder,
    startWriting: (device) => startWriting(device, made),
    losePower: async () => {
      await sh('xfs_io', ['-x', '-c', 'shutdown', disk.folder])
    },
    restart: async () => {
      btrfs?.stop()
      detachUnder(disk.folder)
      run('umount', disk.folder)
      run('mount', disk.device, disk.folder)
      btrfs?.start()
    },
  }
}
