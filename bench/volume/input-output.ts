/**
 * @module input-output: what a volume's device does beside the bare file system that its pool is on, before and after a snapshot.
 */
import { MiB } from '#lib/base/sizes.ts'
import type { Pool } from '#lib/volume/pool.ts'
import { fio, type FioJob } from './fio.ts'

export interface InputOutputRow {
  where: 'bare file' | 'volume' | 'volume, right after a snapshot'
  randomWriteIops: number
  randomReadIops: number
  writeMiBs: number
  readMiBs: number
}

export interface InputOutputSettings {
  sizeBytes: number
  /** For each of the four measurements. */
  seconds: number
}

const timed = (path: string, { sizeBytes, seconds }: InputOutputSettings): FioJob => ({
  filename: path,
  size: sizeBytes,
  time_based: 1,
  runtime: seconds,
})

const measurePath = async (
  where: InputOutputRow['where'],
  path: string,
  settings: InputOutputSettings,
): Promise<InputOutputRow> => {
  const job = timed(path, settings)
  const randomWrite = await fio({ ...job, rw: 'randwrite', bs: '4k', iodepth: 16 })
  const randomRead = await fio({ ...job, rw: 'randread', bs: '4k', iodepth: 16 })
  const write = await fio({ ...job, rw: 'write', bs: '1m', iodepth: 4 })
  const read = await fio({ ...job, rw: 'read', bs: '1m', iodepth: 4 })
  return {
    where,
    randomWriteIops: randomWrite.iops,
    randomReadIops: randomRead.iops,
    writeMiBs: write.bytesPerSecond / MiB,
    readMiBs: read.bytesPerSecond / MiB,
  }
}

const fill = (path: string, sizeBytes: number) =>
  fio({ filename: path, size: sizeBytes, rw: 'write', bs: '1m', iodepth: 4 })

/** The bare file is made as a volume's is, with the same attributes, in the same file system. */
export const measureInputOutput = async (
  pool: Pool,
  settings: InputOutputSettings,
): Promise<InputOutputRow[]> => {
  const { sizeBytes } = settings
  const rows: InputOutputRow[] = []
  for (const frontend of ['file', 'block'] as const) {
    await pool.createVolume({ name: frontend, sizeBytes })
    const { path = '' } = await pool.attachVolume(frontend, frontend)
    await fill(path, sizeBytes)
    rows.push(await measurePath(frontend === 'file' ? 'bare file' : 'volume', path, settings))
    if (frontend === 'block') {
      await pool.createSnapshot(frontend, {})
      rows.push(await measurePath('volume, right after a snapshot', path, settings))
    }
    await pool.detachVolume(frontend)
    await pool.deleteVolume(frontend)
  }
  return rows
}
