/**
 * @module limit: what no tool that makes these blocks could beat on this machine: each part of the work alone, put together as if all
 * of it could be done at once.
 *
 * The longest part is a lower bound, and so is the CPU time of all parts over the cores; a server on this machine uses them too.
 * Parts: SHA-512 and LZ4 of each block, by the functions that Drover uses; storing and fetching what comes out, 8 at once (files
 * that are synced, or PutObject and GetObject); and writing and syncing the volume.
 */
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { compressBlock } from '#lib/backupstore/block.ts'
import { forEachConcurrently } from '#lib/base/concurrency.ts'
import { MiB } from '#lib/base/sizes.ts'
import { clientFor, openPlace, type OpenPlace, type PlaceKind } from './places.ts'

export interface CpuSeconds {
  hash: number
  compress: number
  decompress: number
}

export interface LimitWork {
  fd: number
  blockSizeBytes: number
  indexes: number[]
}

export interface Limit {
  full: number
  incremental: number
  restore: number
}

interface Part {
  seconds: number
  cpuSeconds: number
}

const blockSizeBytes = 2 * MiB
const atOnce = 8
const cores = availableParallelism()

const resultOf = (workerData: LimitWork): Promise<CpuSeconds> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./limit-worker.ts', import.meta.url), { workerData })
    worker.on('message', resolve)
    worker.on('error', reject)
  })

/** With all cores busy, as they are in a backup. */
const measureCpu = async (fd: number, blockCount: number): Promise<CpuSeconds> => {
  const all = Array.from({ length: blockCount }, (_, index) => index)
  const totals = await Promise.all(
    Array.from({ length: cores }, (_, core) =>
      resultOf({ fd, blockSizeBytes, indexes: all.filter((index) => index % cores === core) }),
    ),
  )
  const sumOf = (part: keyof CpuSeconds) => totals.reduce((sum, total) => sum + total[part], 0)
  return { hash: sumOf('hash'), compress: sumOf('compress'), decompress: sumOf('decompress') }
}

const partOf = async (work: () => Promise<void>, server: OpenPlace['server']): Promise<Part> => {
  const before = { at: performance.now(), own: process.cpuUsage(), server: await server() }
  await work()
  const { user, system } = process.cpuUsage(before.own)
  const seconds = (performance.now() - before.at) / 1000
  const ofServer = ((await server())?.cpuSeconds ?? 0) - (before.server?.cpuSeconds ?? 0)
  return { seconds, cpuSeconds: (user + system) / 1e6 + ofServer }
}

interface Storage {
  put(index: number, bytes: Uint8Array): Promise<void>
  get(index: number): Promise<unknown>
}

const writeSynced = async (path: string, bytes: Uint8Array): Promise<void> => {
  const file = await open(path, 'wx')
  await file.writeFile(bytes)
  await file.sync()
  await file.close()
}

const storageOf = async ({ place }: OpenPlace): Promise<Storage> => {
  if (place.kind === 'folder') {
    const folder = join(place.path, 'limit')
    await mkdir(folder)
    return {
      put: (index, bytes) => writeSynced(join(folder, String(index)), bytes),
      get: (index) => readFile(join(folder, String(index))),
    }
  }
  const client = clientFor(place)
  const of = (index: number) => ({ Bucket: place.bucket, Key: String(index) })
  return {
    put: async (index, bytes) => {
      await client.send(new PutObjectCommand({ ...of(index), Body: bytes }))
    },
    get: async (index) => (await client.send(new GetObjectCommand(of(index)))).Body?.transformToByteArray(),
  }
}

/** What the first and the last block are stored as: what is in the others does not matter to a store. */
const storedSamples = async (image: string, sizeBytes: number): Promise<[Uint8Array, Uint8Array]> => {
  const file = await open(image)
  const packed = async (position: number) => {
    const { buffer } = await file.read(Buffer.alloc(blockSizeBytes), 0, blockSizeBytes, position)
    return compressBlock(buffer, 'lz4').slice()
  }
  const samples: [Uint8Array, Uint8Array] = [await packed(0), await packed(sizeBytes - blockSizeBytes)]
  await file.close()
  return samples
}

const writeVolume = async (path: string, sizeBytes: number): Promise<void> => {
  const block = Buffer.alloc(blockSizeBytes, 1)
  const file = await open(path, 'wx')
  for (let at = 0; at < sizeBytes; at += blockSizeBytes) await file.write(block, 0, blockSizeBytes, at)
  await file.sync()
  await file.close()
}

/** Returns seconds. */
export const measureLimit = async (
  kind: PlaceKind,
  image: { path: string; sizeBytes: number },
  folder: string,
): Promise<Limit> => {
  const blockCount = image.sizeBytes / blockSizeBytes
  const source = await open(image.path)
  const cpu = await measureCpu(source.fd, blockCount)
  await source.close()
  const [random, half] = await storedSamples(image.path, image.sizeBytes)
  const opened = await openPlace(kind, folder)
  try {
    const storage = await storageOf(opened)
    const blocks = () => Array(blockCount).keys()
    const store = await partOf(
      () =>
        forEachConcurrently(blocks(), { limit: atOnce }, (index) =>
          storage.put(index, index < blockCount / 2 ? random : half),
        ),
      opened.server,
    )
    const fetched = await partOf(
      () =>
        forEachConcurrently(blocks(), { limit: atOnce }, async (index) => {
          await storage.get(index)
        }),
      opened.server,
    )
    const volume = join(folder, 'volume')
    const written = await partOf(
      () => writeVolume(volume, image.sizeBytes),
      async () => undefined,
    )
    await rm(volume)
    return {
      full: Math.max(store.seconds, (cpu.hash + cpu.compress + store.cpuSeconds) / cores),
      incremental: cpu.hash / cores,
      restore: Math.max(
        fetched.seconds,
        written.seconds,
        (fetched.cpuSeconds + cpu.decompress + cpu.hash + written.cpuSeconds) / cores,
      ),
    }
  } finally {
    await opened.close()
  }
}
