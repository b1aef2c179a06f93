/**
 * @module btrfs-driver: a layer is a subvolume without copy-on-write; a clone is a snapshot of it, made in constant time.
 *
 * Without the attribute `C` on the subvolume a write of 4 KiB costs ten times as much; with it Btrfs keeps no checksums, so what
 * is on the disk is checked by nobody but a backup. Making a snapshot commits the transaction: it is on the disk when it returns.
 */
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { changedByPlace, ownBytesOf } from './changed-extents.ts'
import type { Host } from './host.ts'
import { subvolumeUuid } from './linux-system-calls.ts'
import { imageOf, type PoolDriver } from './pool-driver.ts'

/** BTRFS_FIRST_FREE_OBJECTID, of the root folder of each. */
const subvolumeInode = 256

export const btrfsDriver = (host: Host): PoolDriver => ({
  kind: 'btrfs',
  clonesOneMoment: true,
  sharesBlocks: true,
  prepare: (folder) => host.makeFolder(folder),
  makeLayer: async (layer, sizeBytes) => {
    await host.run('btrfs', ['subvolume', 'create', layer])
    await host.run('chattr', ['+C', layer])
    await host.makeFile(imageOf(layer), sizeBytes)
  },
  cloneLayer: async (from, to, { isReadOnly }) => {
    await host.run('btrfs', ['subvolume', 'snapshot', ...(isReadOnly ? ['-r'] : []), from, to])
  },
  settleLayer: async (layer) => {
    await host.run('btrfs', ['filesystem', 'sync', dirname(layer)])
  },
  removeLayer: async (layer) => {
    if (!existsSync(layer)) return
    // Somebody put a plain folder there.
    if ((await stat(layer)).ino !== subvolumeInode) return host.removeTree(layer)
    await host.run('btrfs', ['subvolume', 'delete', '--commit-after', layer])
  },
  identityOf: async (layer) => `btrfs:${await subvolumeUuid(layer)}`,
  changedExtents: changedByPlace,
  ownBytes: (layer) => ownBytesOf(imageOf(layer)),
})
