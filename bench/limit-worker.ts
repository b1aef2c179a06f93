/**
 * @module limit-worker: a thread that does to each of its blocks what costs CPU, and nothing else, for limit.ts.
 */
import { readSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { compressBlock, decompressBlock } from '#lib/backupstore/block.ts'
import { checksumOf } from '#lib/backupstore/checksum.ts'
import type { CpuSeconds, LimitWork } from './limit.ts'

const { fd, blockSizeBytes, indexes }: LimitWork = workerData

const cpuSecondsOf = <T>(work: () => T): { result: T; cpuSeconds: number } => {
  const before = process.threadCpuUsage()
  const result = work()
  const { user, system } = process.threadCpuUsage(before)
  return { result, cpuSeconds: (user + system) / 1e6 }
}

const total: CpuSeconds = { hash: 0, compress: 0, decompress: 0 }
const block = Buffer.alloc(blockSizeBytes)
for (const index of indexes) {
  readSync(fd, block, 0, blockSizeBytes, index * blockSizeBytes)
  total.hash += cpuSecondsOf(() => checksumOf(block)).cpuSeconds
  const { result: bytes, cpuSeconds } = cpuSecondsOf(() => compressBlock(block, 'lz4'))
  total.compress += cpuSeconds
  const key = String(index)
  total.decompress += cpuSecondsOf(() =>
    decompressBlock({ bytes, method: 'lz4', blockSizeBytes, key }),
  ).cpuSeconds
}
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
parentPort?.postMessage(total)
