/**
 * @module pool-config: what is true of a whole pool, in its `pool.json`.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { poolKinds } from './pool-driver.ts'
import { VolumeError } from './volume-error.ts'

/** Longhorn's settings by these names; the second is 25 there, where room is not set aside for what volumes may still write. */
export const defaultOverProvisioningPercentage = 100
export const defaultMinimalAvailablePercentage = 10

const PoolConfig = z.object({
  format: z.literal(1),
  id: z.string(),
  kind: z.enum(poolKinds),
  /** How large all volumes together may be, of the file system's size. Beyond 100 their own writes may fail when it is full. */
  storageOverProvisioningPercentage: z.number().min(1),
  /** No snapshot and no volume is made when less than this of the file system is left. */
  storageMinimalAvailablePercentage: z.number().min(0).max(99),
})
export type PoolConfig = z.infer<typeof PoolConfig>

export const poolConfigPath = (folder: string): string => join(folder, 'pool.json')
export const poolLockPath = (folder: string): string => join(folder, 'pool.lock')
export const volumesFolder = (folder: string): string => join(folder, 'volumes')

export const encodePoolConfig = (config: PoolConfig): string => `${JSON.stringify(config, undefined, 2)}\n`

/** @throws VolumeError `no-pool`, `record-damaged`, `host-failed`. */
export const readPoolConfig = async (folder: string): Promise<PoolConfig> => {
  const path = poolConfigPath(folder)
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EACCES')
      throw new VolumeError('host-failed', `${path} cannot be read: permission denied`, {
        cause,
        hint: 'a pool belongs to whoever made it, as a rule root',
      })
    throw new VolumeError('no-pool', `${folder} is no pool of volumes`, {
      cause,
      hint: `make it one with: drover pool init ${folder}`,
    })
  })
  try {
    return PoolConfig.parse(JSON.parse(text))
  } catch (cause) {
    throw new VolumeError('record-damaged', `${path} is damaged`, { cause, hint: 'put it back from a copy' })
  }
}
