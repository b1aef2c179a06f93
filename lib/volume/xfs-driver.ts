/**
 * @module xfs-driver: a clone shares its blocks by FICLONE, which takes time by the number of extents, and writes wait meanwhile.
 * So files get their room in whole MiB, which keeps extents few.
 */
import { changedByPlace, ownBytesOf } from './changed-extents.ts'
import { fileLayers, readOnlyMode } from './file-layers.ts'
import type { Host } from './host.ts'
import { imageOf, type PoolDriver } from './pool-driver.ts'

export const xfsDriver = (host: Host, poolId: string): PoolDriver => ({
  kind: 'xfs',
  clonesOneMoment: true,
  sharesBlocks: true,
  ...fileLayers(host, 'xfs', poolId),
  prepare: async (folder) => {
    await host.makeFolder(folder)
    // What is made in it inherits them.
    await host.run('xfs_io', ['-c', 'extsize 1m', '-c', 'cowextsize 1m', folder])
  },
  cloneLayer: async (from, to, { isReadOnly }) => {
    await host.makeFolder(to)
    await host.cloneFile(imageOf(from), imageOf(to))
    await host.setMode(imageOf(to), isReadOnly ? readOnlyMode : 0o600)
  },
  changedExtents: changedByPlace,
  ownBytes: (layer) => ownBytesOf(imageOf(layer)),
})
