/**
 * @module copy-driver: for file systems that share nothing: a clone is a sparse copy, so nothing may be written while it is
 * made, and what differs is found by reading.
 */
import { changedByContent } from './changed-extents.ts'
import { fileLayers, readOnlyMode } from './file-layers.ts'
import type { Host } from './host.ts'
import { allocatedBytes } from './image-file.ts'
import { imageOf, type PoolDriver } from './pool-driver.ts'

export const copyDriver = (host: Host, poolId: string): PoolDriver => ({
  kind: 'copy',
  clonesOneMoment: false,
  sharesBlocks: false,
  ...fileLayers(host, 'copy', poolId),
  prepare: (folder) => host.makeFolder(folder),
  cloneLayer: async (from, to, { isReadOnly }) => {
    await host.makeFolder(to)
    await host.run('cp', ['--sparse=always', '--reflink=never', imageOf(from), imageOf(to)])
    await host.setMode(imageOf(to), isReadOnly ? readOnlyMode : 0o600)
  },
  changedExtents: changedByContent,
  ownBytes: (layer) => allocatedBytes(imageOf(layer)),
})
