/**
 * @module linux-host: the machine itself: its files, and programs of util-linux, coreutils, btrfs-progs, xfsprogs.
 */
import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { chmod, copyFile, mkdir, open, rm, truncate } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncFile, syncFolder, writeFileDurably } from '#lib/base/durable-file.ts'
import type { Host } from './host.ts'
import { VolumeError } from './volume-error.ts'

const packageOf: Record<string, string> = {
  btrfs: 'btrfs-progs',
  chattr: 'e2fsprogs',
  cp: 'coreutils',
  findmnt: 'util-linux',
  fsfreeze: 'util-linux',
  losetup: 'util-linux (Debian: mount)',
  sh: 'dash',
  sync: 'coreutils',
  xfs_io: 'xfsprogs',
}

const missingProgram = (program: string, cause: unknown): VolumeError =>
  new VolumeError('missing-program', `${program} is not installed`, {
    cause,
    hint: `install the system's package ${packageOf[program] ?? program}`,
  })

const keptBytes = 1024 * 1024

/** `lockFd` stays open in the program, so that the pool is free only when nothing works on it any more. */
const runProgram = (program: string, args: readonly string[], lockFd: number | undefined): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      // Out of reach of the terminal's Ctrl-C, which would end it half way.
      detached: true,
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe', ...(lockFd === undefined ? [] : [lockFd])],
    })
    const said = { stdout: '', stderr: '' }
    child.stdout?.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()))
    child.stderr?.on(
      'data',
      (chunk: Buffer) => (said.stderr = (said.stderr + chunk.toString()).slice(-keptBytes)),
    )
    child.on('error', (cause) => reject(missingProgram(program, cause)))
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(said.stdout)
      const what = `${program} ${args.join(' ')} ended with ${code ?? signal}`
      reject(new VolumeError('host-failed', `${what}: ${said.stderr.trim() || said.stdout.trim()}`))
    })
  })

/** In a process group of its own, which `stop` ends as a whole. */
const startWatchdog = (program: string, args: readonly string[]): Promise<{ stop(): void }> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { detached: true, stdio: 'ignore' })
    child.unref()
    child.on('error', (cause) => reject(missingProgram(program, cause)))
    child.on('spawn', () =>
      resolve({
        stop: () => {
          try {
            if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid)
          } catch (error) {
            if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
          }
        },
      }),
    )
  })

const makeFile = async (path: string, sizeBytes: number): Promise<void> => {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.truncate(sizeBytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await syncFolder(dirname(path))
}

export const linuxHost = (lockFd?: number): Host => ({
  ask: (program, args) => runProgram(program, args, undefined),
  run: (program, args) => runProgram(program, args, lockFd),
  startWatchdog,
  makeFolder: async (path) => {
    await mkdir(path, { mode: 0o700 })
    await syncFolder(dirname(path))
  },
  removeTree: async (path) => {
    await rm(path, { recursive: true, force: true })
    await syncFolder(dirname(path))
  },
  makeFile,
  resizeFile: async (path, sizeBytes) => {
    await truncate(path, sizeBytes)
    await syncFile(path)
  },
  cloneFile: (from, to) => copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL),
  sync: async (path) => {
    await syncFile(path)
    await syncFolder(dirname(path))
  },
  setMode: chmod,
  writeRecord: writeFileDurably,
})
