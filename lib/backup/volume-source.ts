/**
 * @module volume-source: a snapshot of a volume as the source of a backup: which of its blocks were ever written, and which
 * changed since another snapshot.
 */
import { gathered } from '#lib/base/gathered.ts'
import { blocksOf } from '#lib/volume/extents.ts'
import type { SnapshotReader } from '#lib/volume/snapshot-reader.ts'
import type { BlockSource } from './block-source.ts'
import type { BlockWorkers } from './block-workers.ts'
import { fileSource } from './file-source.ts'

export const changedBlocks =
  (reader: SnapshotReader, baseName: string) =>
  async (blockSizeBytes: number): Promise<Uint32Array> =>
    blocksOf(await gathered(reader.changedSince(baseName)), blockSizeBytes)

/** The caller closes the reader. A snapshot never changes, whatever its file's times say. @throws BackupError `source-missing`. */
export const volumeSource = async (reader: SnapshotReader, workers: BlockWorkers): Promise<BlockSource> => ({
  ...(await fileSource(reader.path, workers)),
  allocatedBlocks: async (blockSizeBytes) => blocksOf(await gathered(reader.allocated()), blockSizeBytes),
  hasChanged: async () => false,
})
