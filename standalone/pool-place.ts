/**
 * @module pool-place: the pool of a node beside the service: as root on Btrfs in an image file of its own, so that snapshots take a
 * moment and nobody else fills it; else a `copy` pool in a folder.
 */
import { existsSync } from 'node:fs'
import { mkdir, open, rename, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { formatBytes, GiB } from '#lib/base/sizes.ts'
import { initPool } from '#lib/volume/pool.ts'
import { poolConfigPath, readPoolConfig } from '#lib/volume/pool-config.ts'
import { endsWell, isInstalled, run } from './programs.ts'
import { StandaloneError } from './standalone-error.ts'

export interface PlacedPool {
  folder: string
  /** For people: which kind, and why not the better one. */
  description: string
}

export interface PoolPlaceSettings {
  /** Of the image; it takes room only as it is written to. Default: a third of what is free. */
  imageBytes?: number | undefined
}

/** Btrfs wants at least 109 MiB; less than this is of no use to anybody. */
const leastImageBytes = GiB
const mostImageBytes = 256 * GiB

const isMounted = (folder: string): Promise<boolean> => endsWell('findmnt', '--mountpoint', folder)

/** Why no Btrfs image is made here. */
const obstacleToImage = async (parent: string, imageBytes: number): Promise<string | undefined> => {
  if (process.platform !== 'linux') return 'this is not Linux'
  if (process.getuid?.() !== 0) return 'only root can mount one'
  if (!(await isInstalled('mkfs.btrfs')))
    return "mkfs.btrfs is not installed: it is in the system's package btrfs-progs"
  if (imageBytes < leastImageBytes) return `too little is free in ${parent}`
  return undefined
}

const makeImage = async (image: string, sizeBytes: number): Promise<void> => {
  const unfinished = `${image}.tmp`
  await rm(unfinished, { force: true })
  const file = await open(unfinished, 'wx', 0o600)
  await file.truncate(sizeBytes)
  await file.close()
  await run('mkfs.btrfs', '-q', unfinished)
  await rename(unfinished, image)
}

const mountImage = async (image: string, folder: string): Promise<void> => {
  if (await isMounted(folder)) return
  await run('mount', '-o', 'loop,noatime', image, folder).catch((cause: unknown) => {
    throw new StandaloneError(
      'pool-not-mounted',
      `the pool ${image} cannot be mounted at ${folder}: ${String(cause)}`,
      {
        cause,
        hint: 'start the service as root, as it was when it made the pool',
      },
    )
  })
}

const thirdOfFree = async (parent: string): Promise<number> => {
  const { bavail, bsize } = await statfs(parent)
  return Math.min(Math.floor((bavail * bsize) / 3 / GiB) * GiB, mostImageBytes)
}

/** Made once; mounted at each start. Never a second kind where one is. @throws StandaloneError, VolumeError. */
export const placePool = async (parent: string, settings: PoolPlaceSettings = {}): Promise<PlacedPool> => {
  const [folder, image] = [join(parent, 'pool'), join(parent, 'pool.img')]
  await mkdir(folder, { recursive: true, mode: 0o700 })
  let why: string | undefined
  if (!existsSync(image) && !existsSync(poolConfigPath(folder))) {
    const imageBytes = settings.imageBytes ?? (await thirdOfFree(parent))
    why = await obstacleToImage(parent, imageBytes)
    if (why === undefined) await makeImage(image, imageBytes)
  }
  if (existsSync(image)) await mountImage(image, folder)
  if (!existsSync(poolConfigPath(folder)))
    await initPool({ folder, ...(!existsSync(image) && { kind: 'copy' }) })
  const { kind } = await readPoolConfig(folder)
  const { blocks, bsize } = await statfs(folder)
  const size = kind === 'btrfs' ? `, ${formatBytes(blocks * bsize)}` : ''
  return { folder, description: `${kind} pool${size}${why === undefined ? '' : ` (no Btrfs: ${why})`}` }
}

/** What is attached keeps it mounted, and its workload goes on. */
export const releasePool = async (parent: string): Promise<void> => {
  if (existsSync(join(parent, 'pool.img'))) await run('umount', join(parent, 'pool')).catch(() => undefined)
}
