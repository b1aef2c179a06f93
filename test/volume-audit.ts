/**
 * @module volume-audit: what a store holds, judged from its bare files: with Longhorn's names and JSON, and without lib's codecs.
 */
import { hash } from 'node:crypto'
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import type { MemoryObjectStore } from '#lib/object-store/memory-object-store.ts'

/** By key. */
export type Files = ReadonlyMap<string, Uint8Array>

export const filesOf = (store: MemoryObjectStore): Files =>
  new Map(store.keys().map((key) => [key, store.bytesAt(key) ?? new Uint8Array()]))

export const filesIn = (folder: string): Files => {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const files = names.filter((name) => lstatSync(join(folder, name)).isFile())
  return new Map(files.map((name) => [name, readFileSync(join(folder, name))]))
}

export const writeFiles = (folder: string, files: Files): void => {
  for (const [key, bytes] of files) {
    mkdirSync(dirname(join(folder, key)), { recursive: true })
    writeFileSync(join(folder, key), bytes)
  }
}

export interface CommittedBackup {
  name: string
  /** Of its cfg. */
  key: string
  /** Keys of its distinct blocks. */
  blocks: readonly string[]
}

export interface Audit {
  committed: CommittedBackup[]
  inProgress: string[]
  /** Keys of blocks that a committed backup names and that are not there. */
  missing: string[]
  /** Everything that no committed backup needs, but for volume.cfg and the list of bad blocks. */
  unused: string[]
}

const BackupFile = z.object({
  CreatedTime: z.string(),
  Blocks: z.array(z.object({ BlockChecksum: z.string() })).default([]),
})

const sha512 = (text: string): string => hash('sha512', text, 'hex')

export const folderOf = (volumeName: string): string => {
  const sum = sha512(volumeName)
  return `backupstore/volumes/${sum.slice(0, 2)}/${sum.slice(2, 4)}/${volumeName}/`
}

const VolumeFile = z.object({ Size: z.string(), LastBackupName: z.string() })

/** Where there is none, a volume of no size and without backups. */
export const volumeFileIn = (files: Files, volumeName: string): z.infer<typeof VolumeFile> => {
  const bytes = files.get(`${folderOf(volumeName)}volume.cfg`)
  return bytes
    ? VolumeFile.parse(JSON.parse(Buffer.from(bytes).toString()))
    : { Size: '0', LastBackupName: '' }
}

const backupIn = (folder: string, key: string, bytes: Uint8Array) => {
  const name = key.match(/\/backups\/backup_([^/]+)\.cfg$/)?.[1]
  if (name === undefined) return undefined
  const { CreatedTime, Blocks } = BackupFile.parse(JSON.parse(Buffer.from(bytes).toString()))
  const checksums = new Set(Blocks.map((block) => block.BlockChecksum))
  const blocks = [...checksums].map(
    (sum) => `${folder}blocks/${sum.slice(0, 2)}/${sum.slice(2, 4)}/${sum}.blk`,
  )
  return { name, key, blocks, isCommitted: CreatedTime !== '' }
}

/** Of a store with one volume. */
export const audit = (files: Files, volumeName: string): Audit => {
  const folder = folderOf(volumeName)
  const backups = [...files].flatMap(([key, bytes]) => backupIn(folder, key, bytes) ?? [])
  const committed = backups.filter((backup) => backup.isCommitted)
  const named = committed.flatMap(({ key, blocks }) => [key, ...blocks])
  const used = new Set([...named, `${folder}volume.cfg`, `${folder}drover-bad-blocks.json`])
  return {
    committed: committed.map(({ name, key, blocks }) => ({ name, key, blocks })),
    inProgress: backups.flatMap(({ name, isCommitted }) => (isCommitted ? [] : [name])),
    missing: named.filter((key) => !files.has(key)),
    unused: [...files.keys()].filter((key) => !used.has(key)),
  }
}

/** All that a restore of one backup reads. */
export const filesOfBackup = (files: Files, volumeName: string, { key, blocks }: CommittedBackup): Files =>
  new Map(
    [`${folderOf(volumeName)}volume.cfg`, key, ...blocks].flatMap((each) => {
      const bytes = files.get(each)
      return bytes ? [[each, bytes]] : []
    }),
  )
