/**
 * @module file-layers: layers that are plain folders with a file, as `xfs` and `copy` have them.
 */
import { stat } from 'node:fs/promises'
import type { Host } from './host.ts'
import { inodeGeneration } from './linux-system-calls.ts'
import { imageOf, type PoolDriver } from './pool-driver.ts'
import { VolumeError } from './volume-error.ts'

export const readOnlyMode = 0o400

type FileLayers = Pick<PoolDriver, 'makeLayer' | 'settleLayer' | 'removeLayer' | 'identityOf'>

/** Some file systems give no generation; then the time of birth must do. */
const generationOf = (path: string, birthtimeNs: bigint): Promise<string> =>
  inodeGeneration(path).then(String, (error: unknown) => {
    if (error instanceof VolumeError && error.code === 'host-failed') return `born-${birthtimeNs}`
    throw error
  })

export const fileLayers = (host: Host, kind: string, poolId: string): FileLayers => ({
  makeLayer: async (layer, sizeBytes) => {
    await host.makeFolder(layer)
    await host.makeFile(imageOf(layer), sizeBytes)
  },
  settleLayer: (layer) => host.sync(imageOf(layer)),
  removeLayer: (layer) => host.removeTree(layer),
  identityOf: async (layer) => {
    const { ino, birthtimeNs } = await stat(imageOf(layer), { bigint: true })
    return `${kind}:${poolId}:${ino}:${await generationOf(imageOf(layer), birthtimeNs)}`
  },
})
