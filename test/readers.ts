/**
 * @module readers: who restores a backup from bare files, and says what came out: Drover itself, and the independent reader.
 */
import { createHash, hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { memoryTarget } from '#lib/backup/memory-volume.ts'
import { restoreBackup } from '#lib/backup/restore-backup.ts'
import { memoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import { independentRestore } from './independent-reader.ts'
import { audit, filesOfBackup, writeFiles, type Files } from './volume-audit.ts'

/** The SHA-256 of the restored volume. */
export type Reader = (files: Files, volumeName: string, backupName: string) => Promise<string>

export const ownReader: Reader = async (files, volumeName, backupName) => {
  const store = memoryObjectStore()
  for (const [key, bytes] of files) store.setBytes(key, bytes)
  const target = memoryTarget()
  await restoreBackup({ store })({ volumeName, backupName, target })
  return hash('sha256', target.content())
}

export const sha256OfFile = async (path: string): Promise<string> => {
  const sum = createHash('sha256')
  await pipeline(createReadStream(path), sum)
  return sum.digest('hex')
}

export const independentReader: Reader = async (files, volumeName, backupName) => {
  const folder = await mkdtemp(join(tmpdir(), 'drover-reader-'))
  try {
    writeFiles(folder, files)
    const image = join(folder, 'image')
    await independentRestore(folder, volumeName, backupName, image)
    return await sha256OfFile(image)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const fingerprint = (files: Files): string => {
  const sum = createHash('sha256')
  for (const [key, bytes] of files) sum.update(`${key} ${bytes.length} `).update(bytes)
  return sum.digest('hex')
}

export interface Judge {
  /** What each committed backup restores to, by name. */
  read(files: Files, volumeName: string): Promise<Map<string, string>>
  /** Of all the readings asked for, those that were made. */
  readings(): { asked: number; made: number }
}

/** Reads a backup once for all stores in which all that the backup needs is the same, byte for byte. */
export const judge = (reader: Reader): Judge => {
  const known = new Map<string, Promise<string>>()
  let asked = 0
  const readOne = (needed: Files, volumeName: string, backupName: string): Promise<string> => {
    asked += 1
    const key = fingerprint(needed)
    const reading = known.get(key) ?? reader(needed, volumeName, backupName)
    known.set(key, reading)
    return reading
  }
  return {
    readings: () => ({ asked, made: known.size }),
    read: async (files, volumeName) => {
      const read = audit(files, volumeName).committed.map(async (backup) => {
        const needed = filesOfBackup(files, volumeName, backup)
        return [backup.name, await readOne(needed, volumeName, backup.name)] as const
      })
      return new Map(await Promise.all(read))
    },
  }
}
