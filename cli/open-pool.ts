/**
 * @module open-pool: which pool of volumes a command is for, and that pool, open for as long as the command works on it.
 */
import { Option } from 'commander'
import type { Pool } from '#lib/volume/pool.ts'
import { parseNotEmpty } from './options.ts'
import type { Session } from './session.ts'
import { defaultPool } from './settings.ts'
import { UsageError } from './usage-error.ts'

export interface PoolOptions {
  pool?: string
}

export const poolOption = (): Option =>
  new Option(
    '--pool <folder>',
    'the pool of volumes (default: the environment variable DROVER_POOL)',
  ).argParser(parseNotEmpty)

/** @throws UsageError. */
export const poolFolder = ({ pool = defaultPool() }: PoolOptions): string => {
  if (pool !== undefined) return pool
  throw new UsageError('wrong-usage', 'no pool was given', {
    hint: 'give --pool <folder>, or set the environment variable DROVER_POOL',
  })
}

/**
 * An interruption does not stop what changes a pool or a device: it takes moments, and ends as a whole. What takes long gets
 * the session's signal. @throws UsageError, VolumeError.
 */
export const withPool = async <T>(
  { clock, ids, log, signal }: Session,
  options: PoolOptions,
  work: (pool: Pool) => Promise<T>,
): Promise<T> => {
  const folder = poolFolder(options)
  // Foreign functions are loaded with it: help, and commands without a pool, do not wait for that.
  const { openPool } = await import('#lib/volume/pool.ts')
  signal.throwIfAborted()
  const pool = await openPool({ folder, clock, ids, log })
  try {
    signal.throwIfAborted()
    return await work(pool)
  } finally {
    await pool.close()
  }
}
