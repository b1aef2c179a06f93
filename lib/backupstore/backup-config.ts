/**
 * @module backup-config: `backup_*.cfg`, one backup: what it is, and the complete list of its blocks. Source: longhorn.md 2.3.
 *
 * A volume of 1 TiB has a config of 52 MB, so both ways are streamed, and only the typed arrays of a BlockList are ever whole.
 */
import { MiB } from '#lib/base/sizes.ts'
import { BackupstoreError } from './backupstore-error.ts'
import { emptyBlockList, type BlockList } from './block-list.ts'
import { encodedBlocks, encodedBlocksBytes } from './block-list-encoding.ts'
import { blockListTarget } from './block-list-target.ts'
import { goJsonDecoder, invalidConfig, skipped, type GoJsonDecoder, type Target } from './go-json-decoder.ts'
import { booleanTarget, mapTarget, quotedIntTarget, stringTarget, structTarget } from './go-json-targets.ts'
import { goMap, goQuotedInt, goString, goStruct, type Labels } from './go-json.ts'
import { parseQuantity } from './kubernetes-quantity.ts'

/** All but the blocks: what a listing shows. */
export interface BackupHeader {
  name: string
  volumeName: string
  snapshotName: string
  /** RFC 3339, UTC; orders the backups of a volume ("latest"). */
  snapshotCreatedAt: string
  /** RFC 3339, UTC; empty exactly while the backup is in progress. */
  createdAt: string
  /** Blocks × block size. */
  sizeBytes: number
  labels: Labels | null
  /** `backup-mode` (incremental or full), `backup-block-size` (bytes). */
  parameters: Labels | null
  isIncremental: boolean
  /** As written; empty means gzip (before Longhorn 1.5). */
  compressionMethod: string
  /** Compressed bytes. */
  newlyUploadedBytes: number
  reUploadedBytes: number
  /** Whether ProcessingBlocks is an object: `{}` in a finished full backup, `null` in an incremental or unfinished one. */
  hasProcessingBlocks: boolean
  /** Not empty only for whole-file backups of Longhorn's unused old API. */
  singleFilePath: string
}

export interface BackupConfig extends BackupHeader {
  blocks: BlockList
}

const emptyHeader = (): BackupHeader => ({
  name: '',
  volumeName: '',
  snapshotName: '',
  snapshotCreatedAt: '',
  createdAt: '',
  sizeBytes: 0,
  labels: null,
  parameters: null,
  isIncremental: false,
  compressionMethod: '',
  newlyUploadedBytes: 0,
  reUploadedBytes: 0,
  hasProcessingBlocks: false,
  singleFilePath: '',
})

export const defaultBlockSizeBytes = 2 * MiB
const blockSizes = [defaultBlockSizeBytes, 16 * MiB]

/**
 * The block size that a backup's Parameters say; 2 MiB where they say nothing. `key` names the backup in messages.
 * @throws BackupstoreError `unsupported` for sizes that Longhorn's manager refuses too, `invalid-config` for what is no size.
 */
export const blockSizeOf = (parameters: Labels | null, key = 'backup'): number => {
  const text = parameters?.['backup-block-size'] ?? ''
  const sizeBytes = text === '' ? 0 : parseQuantity(text)
  const shown = JSON.stringify(text.slice(0, 40))
  if (sizeBytes === undefined)
    throw invalidConfig(key, 'Parameters.backup-block-size', `is ${shown}, no quantity`)
  if (sizeBytes === 0) return defaultBlockSizeBytes
  if (blockSizes.includes(sizeBytes)) return sizeBytes
  throw new BackupstoreError('unsupported', `${key} has the block size ${shown}`, {
    hint: 'block sizes are 2 MiB and 16 MiB; a newer Longhorn may have written this',
  })
}

export interface InProgressConfig {
  name: string
  volumeName: string
  compressionMethod: string
  labels?: Labels
}

/** What stands for a backup until it is committed: all but its name and compression method is empty. */
export const inProgressConfig = ({ labels, ...names }: InProgressConfig): BackupConfig => ({
  ...emptyHeader(),
  ...names,
  labels: labels ?? null,
  blocks: emptyBlockList(defaultBlockSizeBytes),
})

/** In Go's order. */
const fieldsOf = (header: BackupHeader, blocks: Target): Record<string, Target> => ({
  Name: stringTarget((name) => void (header.name = name)),
  VolumeName: stringTarget((name) => void (header.volumeName = name)),
  SnapshotName: stringTarget((name) => void (header.snapshotName = name)),
  SnapshotCreatedAt: stringTarget((time) => void (header.snapshotCreatedAt = time)),
  CreatedTime: stringTarget((time) => void (header.createdAt = time)),
  Size: quotedIntTarget((sizeBytes) => void (header.sizeBytes = sizeBytes)),
  Labels: mapTarget((labels) => void (header.labels = labels)),
  Parameters: mapTarget((parameters) => void (header.parameters = parameters)),
  IsIncremental: booleanTarget((isIncremental) => void (header.isIncremental = isIncremental)),
  CompressionMethod: stringTarget((method) => void (header.compressionMethod = method)),
  NewlyUploadedDataSize: quotedIntTarget((bytes) => void (header.newlyUploadedBytes = bytes)),
  ReUploadedDataSize: quotedIntTarget((bytes) => void (header.reUploadedBytes = bytes)),
  ProcessingBlocks: {
    kind: 'object',
    begin: () => void (header.hasProcessingBlocks = true),
    member: () => skipped,
    end: () => {},
    setNull: () => void (header.hasProcessingBlocks = false),
  },
  Blocks: blocks,
  SingleFile: structTarget({ FilePath: stringTarget((path) => void (header.singleFilePath = path)) }),
})

/** Enough for the most blocks that we read. */
export const maxBackupConfigBytes = 1_600_000_000

const feed = async (
  decoder: GoJsonDecoder,
  chunks: AsyncIterable<Uint8Array>,
  key: string,
): Promise<void> => {
  let readBytes = 0
  for await (const chunk of chunks) {
    readBytes += chunk.length
    if (readBytes > maxBackupConfigBytes) {
      throw new BackupstoreError('config-too-large', `${key} has more than ${maxBackupConfigBytes} bytes`)
    }
    decoder.write(chunk)
    if (decoder.isDone) return
  }
}

/**
 * The whole config in the object `key`; its names are as written, which are the caller's to compare with the key.
 * @throws BackupstoreError `invalid-config`, `config-too-large`, `unsupported` for a block size.
 */
export const decodeBackupConfig = async (
  chunks: AsyncIterable<Uint8Array>,
  key: string,
): Promise<BackupConfig> => {
  const header = emptyHeader()
  const blocks = blockListTarget(key)
  const decoder = goJsonDecoder(structTarget(fieldsOf(header, blocks.target)), key)
  await feed(decoder, chunks, key)
  decoder.end()
  return { ...header, blocks: blocks.finish(blockSizeOf(header.parameters, key)) }
}

/** What every Longhorn has always written before `Blocks`. */
const everWritten = [
  'Name',
  'VolumeName',
  'SnapshotName',
  'SnapshotCreatedAt',
  'CreatedTime',
  'Size',
  'Labels',
  'IsIncremental',
]

/**
 * All but the blocks. Stops reading at `Blocks`, which the first few KiB hold if Longhorn or Drover wrote the config; if they
 * come earlier than is usual, someone else has ordered the fields, and the whole of it is read.
 *
 * `isWhole` says whether the chunks are all of the object. If they are not, and not enough, the result is `undefined`.
 * @throws BackupstoreError `invalid-config`, `config-too-large`.
 */
export const decodeBackupHeader = async (
  chunks: AsyncIterable<Uint8Array>,
  key: string,
  { isWhole }: { isWhole: boolean },
): Promise<BackupHeader | undefined> => {
  const header = emptyHeader()
  const seen = new Set<string>()
  const stopAtBlocks = () => {
    if (everWritten.every((name) => seen.has(name))) decoder.stop()
  }
  const blocks: Target = {
    kind: 'array',
    begin: stopAtBlocks,
    element: skipped,
    end: () => {},
    setNull: () => {},
  }
  const root = structTarget(fieldsOf(header, blocks), { field: (name) => void seen.add(name) })
  const decoder = goJsonDecoder(root, key)
  await feed(decoder, chunks, key)
  if (!decoder.isDone && !isWhole) return undefined
  decoder.end()
  return header
}

/** The bytes of a config, known in length before they are made; `open` gives the same ones each time. */
export interface EncodedBackupConfig {
  sizeBytes: number
  open: () => Generator<Uint8Array>
}

/** Byte for byte as Longhorn's Go writes it. @throws Error when the blocks are not of the size that the parameters say. */
export const encodeBackupConfig = (config: BackupConfig): EncodedBackupConfig => {
  const { blocks } = config
  if (blocks.count > 0 && blocks.blockSizeBytes !== blockSizeOf(config.parameters, config.name)) {
    throw new Error(
      `backup ${config.name} has blocks of ${blocks.blockSizeBytes} bytes, its parameters say otherwise`,
    )
  }
  const { head, tail } = aroundBlocks(config)
  return {
    sizeBytes: head.length + encodedBlocksBytes(blocks) + tail.length,
    *open() {
      yield head
      for (const text of encodedBlocks(blocks)) yield Buffer.from(text)
      yield tail
    },
  }
}

/** `Blocks` is left out where there are none. */
const aroundBlocks = (header: BackupConfig) => {
  const fields = goStruct({
    Name: goString(header.name),
    VolumeName: goString(header.volumeName),
    SnapshotName: goString(header.snapshotName),
    SnapshotCreatedAt: goString(header.snapshotCreatedAt),
    CreatedTime: goString(header.createdAt),
    Size: goQuotedInt(header.sizeBytes),
    Labels: goMap(header.labels),
    Parameters: goMap(header.parameters),
    IsIncremental: String(header.isIncremental),
    CompressionMethod: goString(header.compressionMethod),
    NewlyUploadedDataSize: goQuotedInt(header.newlyUploadedBytes),
    ReUploadedDataSize: goQuotedInt(header.reUploadedBytes),
    ProcessingBlocks: header.hasProcessingBlocks ? '{}' : 'null',
  }).slice(0, -1)
  const tail = `,"SingleFile":{"FilePath":${goString(header.singleFilePath)}}}`
  const [opening, closing] = header.blocks.count === 0 ? ['', ''] : [',"Blocks":[', ']']
  return { head: Buffer.from(fields + opening), tail: Buffer.from(closing + tail) }
}
