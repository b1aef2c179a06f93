/**
 * @module pool-file-system: file systems for tests of pools: each in an image file, loop-mounted, which takes root.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GiB } from '#lib/base/sizes.ts'
import type { PoolKind } from '#lib/volume/pool-driver.ts'

export const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

export const has = (program: string): boolean => {
  try {
    run('sh', '-c', `command -v ${program}`)
    return true
  } catch {
    return false
  }
}

/** Why pools cannot be tested here; `undefined`: they can. */
export const noPools = (): string | undefined => {
  if (process.platform !== 'linux') return 'pools need Linux'
  if (process.getuid?.() !== 0) return 'file systems can be mounted by root alone'
  const missing = ['losetup', 'findmnt', 'fsfreeze', 'mkfs.btrfs', 'mkfs.xfs', 'mkfs.ext4', 'xfs_io'].filter(
    (program) => !has(program),
  )
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`
}

/** What a pool of a kind is tested on: `copy` stands for all that share nothing. */
const makers: Record<PoolKind, readonly string[]> = {
  btrfs: ['mkfs.btrfs', '-q'],
  xfs: ['mkfs.xfs', '-q', '-m', 'reflink=1'],
  copy: ['mkfs.ext4', '-q'],
}

export interface PoolFileSystem {
  /** Empty, its root. */
  folder: string
  /** Its device. */
  device: string
  /** Detaches what is attached from it, unmounts it, removes its image. */
  close(): void
}

interface LoopLine {
  name: string
  'back-file': string | null
}

/** Those whose files lie under a folder. */
const loopsUnder = (folder: string): string[] => {
  const text = run('losetup', '--list', '--json', '--output', 'NAME,BACK-FILE')
  if (text.trim() === '') return []
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- losetup's own output
  const { loopdevices } = JSON.parse(text) as { loopdevices: LoopLine[] }
  return loopdevices.filter((loop) => loop['back-file']?.startsWith(`${folder}/`)).map(({ name }) => name)
}

export const makePoolFileSystem = (kind: PoolKind, sizeBytes = 2 * GiB, root = tmpdir()): PoolFileSystem => {
  const parent = mkdtempSync(join(root, `drover-${kind}-`))
  const [image, folder] = [join(parent, 'disk.img'), join(parent, 'pool')]
  mkdirSync(folder)
  run('truncate', '-s', String(sizeBytes), image)
  const [program = '', ...args] = makers[kind]
  run(program, ...args, image)
  const device = run('losetup', '--find', '--show', '--direct-io=on', image).trim()
  run('mount', device, folder)
  run('sh', '-c', `rm -rf '${folder}/lost+found'`)
  return {
    folder,
    device,
    close: () => {
      for (const loop of loopsUnder(folder)) {
        run('sh', '-c', `umount -q ${loop} || true`)
        run('losetup', '--detach', loop)
      }
      run('umount', folder)
      run('losetup', '--detach', device)
      rmSync(parent, { recursive: true })
    },
  }
}
