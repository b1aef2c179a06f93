/**
 * @module bad-blocks: Drover's own list of a volume's blocks that a verify found bad, beside `volume.cfg`, where Longhorn never looks.
 *
 * The next backup sends these blocks again whatever its base says, and takes them off the list.
 */
import * as z from 'zod'
import { MiB } from '#lib/base/sizes.ts'
import { getBytes, type ObjectStore } from '#lib/object-store/object-store.ts'
import { BackupstoreError } from './backupstore-error.ts'
import { isChecksum } from './checksum.ts'
import type { VolumeKeys } from './keys.ts'

export const BadBlock = z.object({
  reason: z.string(),
  /** RFC 3339. */
  foundAt: z.iso.datetime({ offset: true }),
})
export type BadBlock = z.infer<typeof BadBlock>

const BadBlockList = z.object({
  version: z.literal(1),
  blocks: z.record(z.string().refine(isChecksum), BadBlock),
})

/** By checksum. */
export type BadBlocks = ReadonlyMap<string, BadBlock>

/** At the most 20,000 entries (40 GiB of data) with reasons of 200 characters fit, however these are escaped. */
const maxListBytes = 32 * MiB
const maxEntries = 20_000
const maxReasonChars = 200

export type DecodedBadBlocks = { kind: 'list'; blocks: BadBlocks } | { kind: 'unreadable'; reason: string }

export const decodeBadBlocks = (bytes: Uint8Array): DecodedBadBlocks => {
  if (bytes.length > maxListBytes) return { kind: 'unreadable', reason: `it has ${bytes.length} bytes` }
  try {
    const { blocks } = BadBlockList.parse(JSON.parse(Buffer.from(bytes).toString()))
    return { kind: 'list', blocks: new Map(Object.entries(blocks)) }
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error)
    return { kind: 'unreadable', reason: reason.slice(0, maxReasonChars) }
  }
}

/** Keeps the newest entries if there are too many: a verify finds the others again. */
export const encodeBadBlocks = (blocks: BadBlocks): Uint8Array => {
  const kept = [...blocks]
    .toSorted(([, a], [, b]) => Date.parse(b.foundAt) - Date.parse(a.foundAt))
    .slice(0, maxEntries)
    .map(([checksum, { reason, foundAt }]) => [
      checksum,
      { reason: reason.slice(0, maxReasonChars), foundAt },
    ])
  return Buffer.from(JSON.stringify({ version: 1, blocks: Object.fromEntries(kept) }))
}

const read = async (store: Pick<ObjectStore, 'get'>, keys: VolumeKeys) => {
  const object = await getBytes(store, keys.badBlocks, { maxBytes: maxListBytes })
  return object && { etag: object.head.etag, list: decodeBadBlocks(object.bytes) }
}

/** Empty where there is no list. @throws BackupstoreError `invalid-config` when it cannot be read. */
export const readBadBlocks = async (
  store: Pick<ObjectStore, 'get'>,
  keys: VolumeKeys,
): Promise<BadBlocks> => {
  const list = (await read(store, keys))?.list
  if (!list) return new Map()
  if (list.kind === 'list') return list.blocks
  throw new BackupstoreError('invalid-config', `${keys.badBlocks} is no list of bad blocks: ${list.reason}`, {
    hint: 'a full verify of this volume ("drover backup verify") writes it anew',
  })
}

const attempts = 10

/**
 * Writes what `change` makes of the list, unless that is the same size and has the same blocks. `change` may be called several
 * times. A list that cannot be read counts as empty, and is replaced.
 * @throws BackupstoreError `conflict` when others kept changing it.
 */
export const updateBadBlocks = async (
  store: ObjectStore,
  keys: VolumeKeys,
  change: (known: BadBlocks) => BadBlocks,
): Promise<void> => {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const current = await read(store, keys)
    const known: BadBlocks = current?.list.kind === 'list' ? current.list.blocks : new Map()
    const next = change(known)
    if (current?.list.kind !== 'unreadable' && hasSameBlocks(known, next)) return
    const condition = current
      ? ({ kind: 'unchanged', etag: current.etag } as const)
      : ({ kind: 'absent' } as const)
    const result = await store.put(keys.badBlocks, encodeBadBlocks(next), { condition })
    if (result.kind === 'stored') return
  }
  throw new BackupstoreError(
    'conflict',
    `${keys.badBlocks} was changed by others ${attempts} times while it was written`,
    {
      hint: 'verify the volume again later',
    },
  )
}

const hasSameBlocks = (a: BadBlocks, b: BadBlocks): boolean =>
  a.size === b.size && [...a.keys()].every((checksum) => b.has(checksum))

/** Takes blocks off the list, as they have been stored again. @throws BackupstoreError `conflict`. */
export const removeBadBlocks = (
  store: ObjectStore,
  keys: VolumeKeys,
  checksums: Iterable<string>,
): Promise<void> => {
  const repaired = new Set(checksums)
  return updateBadBlocks(
    store,
    keys,
    (known) => new Map([...known].filter(([checksum]) => !repaired.has(checksum))),
  )
}
