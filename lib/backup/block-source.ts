/**
 * @module block-source: what a backup is made of: a volume's content at one moment, read block by block.
 */
import type { CompressionMethod } from '#lib/backupstore/block.ts'

export interface ReadRequest {
  /** offset ÷ blockSizeBytes */
  index: number
  blockSizeBytes: number
  method: CompressionMethod
  /** A checksum whose block need not be compressed, since nothing will be sent. */
  skipIf?: string | undefined
}

export interface ReadBlock {
  checksum: string
  /** The block as it is stored; left out when its checksum is `skipIf`. */
  stored?: Uint8Array
}

export interface BlockSource {
  /** For messages: the path. */
  readonly description: string
  readonly sizeBytes: number
  /**
   * The blocks of which any byte was ever written, ascending: all others read as zeros and are not in the backup, as in
   * Longhorn's. `undefined`: not known here (a raw device); then blocks of zeros are left out instead.
   */
  allocatedBlocks(blockSizeBytes: number): Promise<Uint32Array | undefined>
  /** @throws BackupError `source-failed`. */
  read(request: ReadRequest): Promise<ReadBlock>
  /** Whether it was written to since it was opened, as far as that can be told. */
  hasChanged(): Promise<boolean>
  close(): Promise<void>
}
