/**
 * @module invariant: what must hold of a volume whatever happened: no committed backup misses a block.
 */
import { listBackupNames, readBackup } from '#lib/backupstore/backup-volume.ts'
import { checksumAt } from '#lib/backupstore/block-list.ts'
import { blockChecksumOf } from '#lib/backupstore/keys.ts'
import type { MemoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import { keys } from './actors.ts'

export interface Content {
  committed: string[]
  inProgress: string[]
  /** `backup: checksum` of blocks that are named but not there. */
  missing: string[]
  /** Blocks that no committed backup names. */
  unused: string[]
}

export const contentOf = async (store: MemoryObjectStore): Promise<Content> => {
  const content: Content = { committed: [], inProgress: [], missing: [], unused: [] }
  const present = new Set(store.keys().flatMap((key) => blockChecksumOf(keys, key) ?? []))
  const used = new Set<string>()
  for (const name of await listBackupNames(store, keys)) {
    const backup = await readBackup(store, keys, name)
    if (!backup) continue
    content[backup.value.createdAt === '' ? 'inProgress' : 'committed'].push(name)
    for (let i = 0; i < backup.value.blocks.count; i++) {
      const checksum = checksumAt(backup.value.blocks, i)
      used.add(checksum)
      if (!present.has(checksum)) content.missing.push(`${name}: ${checksum}`)
    }
  }
  content.unused = [...present].filter((checksum) => !used.has(checksum))
  return content
}
