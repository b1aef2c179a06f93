/**
 * @module fio-load: fio writes to one file all the time, 4 KiB at a time and each with a checksum, and reads it back.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { MiB } from '#lib/base/sizes.ts'
import { sh } from './mounting.ts'

const fileSizeBytes = 24 * MiB

const common = (folder: string): string[] => [
  '--name=load',
  `--filename=${join(folder, 'fio.data')}`,
  `--size=${fileSizeBytes}`,
  '--direct=1',
  '--verify=crc32c',
  '--verify_fatal=1',
  '--verify_state_save=0',
]

const inLargeBlocks = ['--bs=64k', '--verify_interval=4k']

/** Slow enough to leave the machine to the others. */
const random = [
  '--rw=randwrite',
  '--bs=4k',
  '--rate_iops=150',
  '--verify_backlog=64',
  '--fsync=32',
  '--time_based',
  '--runtime=1h',
]

export interface FioLoad {
  /** @throws Error if it found a fault, or ended by itself. */
  stop(): Promise<void>
}

/** The whole file is written once before it returns. */
export const startFio = async (folder: string): Promise<FioLoad> => {
  await sh('fio', [...common(folder), '--rw=write', ...inLargeBlocks, '--do_verify=0', '--end_fsync=1'])
  const fio = spawn('fio', [...common(folder), ...random, '--output-format=json'], {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = Promise.all([text(fio.stdout), text(fio.stderr), once(fio, 'close')])
  return {
    stop: async () => {
      const wasRunning = fio.kill('SIGINT')
      const [said, complained] = await ended
      const { jobs } = JSON.parse(said.slice(said.indexOf('{'))) as { jobs: { error: number }[] }
      if (wasRunning && jobs.every(({ error }) => error === 0) && !complained.includes('verify')) return
      throw new Error(`fio found a fault, or ended by itself: ${complained} ${said}`)
    },
  }
}

/** Each block of the file is one that fio wrote, there, whole. @throws VolumeError `host-failed` with fio's words. */
export const checkFioFile = async (folder: string): Promise<void> => {
  await sh('fio', [...common(folder), '--rw=read', ...inLargeBlocks])
}
