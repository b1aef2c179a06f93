/**
 * @module fio: one run of fio, and what it measured.
 */
import { execFile, spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import * as z from 'zod'

const Direction = z.object({ iops: z.number(), bw_bytes: z.number(), clat_ns: z.object({ max: z.number() }) })
const Report = z.object({ jobs: z.array(z.object({ read: Direction, write: Direction })).min(1) })

export interface FioResult {
  iops: number
  bytesPerSecond: number
  /** Of one read or write, from its submission to its end. */
  longestMs: number
}

export type FioJob = Record<string, string | number>

const argumentsOf = (job: FioJob): string[] => [
  '--name=bench',
  '--output-format=json',
  '--ioengine=libaio',
  '--direct=1',
  ...Object.entries(job).map(([key, value]) => `--${key}=${value}`),
]

const resultOf = (output: string): FioResult => {
  const [job] = Report.parse(JSON.parse(output.slice(output.indexOf('{')))).jobs
  if (!job) throw new Error('fio reported no job')
  const { iops, bw_bytes: bytesPerSecond, clat_ns: latency } = job.write.iops > 0 ? job.write : job.read
  return { iops, bytesPerSecond, longestMs: latency.max / 1e6 }
}

export const fio = async (job: FioJob): Promise<FioResult> =>
  resultOf((await promisify(execFile)('fio', argumentsOf(job), { maxBuffer: 2 ** 26 })).stdout)

/** One that writes on until it is stopped. */
export const startFio = (job: FioJob): { stop: () => Promise<FioResult> } => {
  const child = spawn('fio', argumentsOf(job), { stdio: ['ignore', 'pipe', 'inherit'] })
  const output = text(child.stdout)
  return {
    stop: async () => {
      child.kill('SIGINT')
      return resultOf(await output)
    },
  }
}
