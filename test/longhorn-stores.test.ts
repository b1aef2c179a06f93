/**
 * Stores that Longhorn itself wrote: every backup restores to the SHA-256 that Longhorn's own restore gave, in full and from
 * each earlier one; the same backups written again give the same configs; any backup can be deleted.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { pipeline } from 'node:stream/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { systemClock, type Clock } from '#lib/base/clock.ts'
import { randomIds } from '#lib/base/ids.ts'
import { silentLog } from '#lib/base/log.ts'
import { blockWorkers } from '#lib/backup/block-workers.ts'
import { createBackup } from '#lib/backup/create-backup.ts'
import { deleteBackup } from '#lib/backup/delete-backup.ts'
import { fileSource } from '#lib/backup/file-source.ts'
import { fileTarget } from '#lib/backup/file-target.ts'
import { restoreBackup } from '#lib/backup/restore-backup.ts'
import { readBackup, readVolumeConfig } from '#lib/backupstore/backup-volume.ts'
import { blockSizeOf } from '#lib/backupstore/backup-config.ts'
import { compressionMethodOf } from '#lib/backupstore/block.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import { folderObjectStore } from '#lib/object-store/folder-object-store.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { longhornFixtures, missingFixtures } from './longhorn-fixtures.ts'

const workers = blockWorkers()
const scratch = await mkdtemp(join(tmpdir(), 'drover-longhorn-'))
afterAll(async () => {
  await workers.close()
  await rm(scratch, { recursive: true, force: true })
})

const sha256 = async (path: string, sizeBytes: number): Promise<string> => {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { end: sizeBytes - 1 }), hash)
  return hash.digest('hex')
}

const restoreTo = async (
  store: ObjectStore,
  volumeName: string,
  backupName: string,
  path: string,
  fromBackupName?: string,
) => {
  const target = await fileTarget(path, workers)
  const result = await restoreBackup({ store })({ volumeName, backupName, target, fromBackupName })
  await target.finish()
  return result
}

/** Sleeps only as long as is needed to let others go on. */
const noWait: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms > 2000 ? ms : 1, signal) }

const fixedClock: Clock = { ...systemClock, now: () => new Date('2026-01-02T03:04:05Z') }

/** Without what must differ: times, and sizes of compressed data. */
const normalized = (config: string): string =>
  config
    .replaceAll(/"(SnapshotCreatedAt|CreatedTime|LastBackupAt)":"[^"]+"/g, '"$1":"time"')
    .replaceAll(/"(NewlyUploadedDataSize|ReUploadedDataSize)":"\d+"/g, '"$1":"size"')

const reason = missingFixtures()
if (reason !== undefined) console.warn(`skipped: ${reason}`)

describe.skipIf(reason !== undefined).each(reason === undefined ? longhornFixtures() : [])(
  'the store $name',
  ({ name, folder, manifest }) => {
    const store = folderObjectStore({ folder })
    const keys = volumeKeys(manifest.volume)

    it('restores each backup to its SHA-256, in full and from each earlier one', async () => {
      for (const [position, wanted] of manifest.backups.entries()) {
        const path = join(scratch, `${name}-${position}`)
        await restoreTo(store, manifest.volume, wanted.backup, path)
        expect(await sha256(path, wanted.size)).toBe(wanted.sha256)
        for (const earlier of manifest.backups.slice(0, position)) {
          const target = join(scratch, `${name}-from`)
          await restoreTo(store, manifest.volume, earlier.backup, target)
          const result = await restoreTo(store, manifest.volume, wanted.backup, target, earlier.backup)
          expect(result.driftedBlocks).toBe(0)
          expect(await sha256(target, wanted.size)).toBe(wanted.sha256)
          await rm(target)
        }
      }
    })

    it('writes the same configs from the same images', async () => {
      const own = join(scratch, `own-${name}`)
      await mkdir(own)
      const ownStore = folderObjectStore({ folder: own })
      const volume = (await readVolumeConfig(store, keys))?.value
      if (!volume) throw new Error('the fixture has no volume.cfg')
      for (const [position, { backup, snapshot, size }] of manifest.backups.entries()) {
        const image = join(scratch, `${name}-${position}`)
        await truncate(image, size)
        const original = (await readBackup(store, keys, backup))?.value
        if (!original) throw new Error(`the fixture has no ${backup}`)
        const source = await fileSource(image, workers)
        await createBackup({ store: ownStore, clock: fixedClock, ids: randomIds, log: silentLog })({
          volumeName: manifest.volume,
          source,
          backupName: backup,
          snapshotName: snapshot,
          labels: original.labels ?? {},
          parameters: original.parameters ?? {},
          mode: original.parameters?.['backup-mode'] === 'full' ? 'full' : 'incremental',
          blockSizeBytes: blockSizeOf(original.parameters),
          compression: compressionMethodOf(volume.compressionMethod, 'fixture'),
        })
        await source.close()
        const rewritten = (await readBackup(ownStore, keys, backup))?.value
        expect(rewritten).toMatchObject({
          name: original.name,
          snapshotName: original.snapshotName,
          sizeBytes: original.sizeBytes,
          labels: original.labels,
          isIncremental: original.isIncremental,
          blocks: original.blocks,
        })
      }
      const written = manifest.backups
        .map(({ backup }) => keys.backupConfig(backup))
        .concat(keys.volumeConfig)
      // Older releases lack later fields.
      for (const key of manifest.longhorn === '1.12.1' ? written : []) {
        const [theirs, ours] = await Promise.all([folder, own].map((at) => readFile(join(at, key), 'utf8')))
        expect(normalized(ours ?? '')).toBe(normalized(theirs ?? 'nothing'))
      }
      expect((await readVolumeConfig(ownStore, keys))?.value).toMatchObject({
        sizeBytes: volume.sizeBytes,
        lastBackupName: volume.lastBackupName,
        blockCount: volume.blockCount,
      })
    })

    it('deletes any backup, and leaves the rest whole and no unused block', async () => {
      for (const doomed of manifest.backups) {
        const copy = join(scratch, `copy-${name}`)
        await cp(folder, copy, { recursive: true })
        const copyStore = folderObjectStore({ folder: copy })
        const deps = { store: copyStore, clock: noWait, ids: randomIds, log: silentLog }
        const result = await deleteBackup(deps)({ volumeName: manifest.volume, backupName: doomed.backup })
        const used = new Set<string>()
        for (const kept of manifest.backups.filter((backup) => backup !== doomed)) {
          const path = join(scratch, `${name}-kept`)
          await restoreTo(copyStore, manifest.volume, kept.backup, path)
          expect(await sha256(path, kept.size)).toBe(kept.sha256)
          await rm(path)
          const blocks = (await readBackup(copyStore, keys, kept.backup))?.value.blocks
          for (const checksum of Buffer.from(blocks?.checksums ?? [])
            .toString('hex')
            .match(/.{64}/g) ?? [])
            used.add(keys.block(checksum))
        }
        const present: string[] = []
        for await (const page of copyStore.list(keys.blocksFolder))
          present.push(...page.objects.map((object) => object.key))
        expect(present.toSorted()).toEqual([...used].toSorted())
        expect(result).toMatchObject({
          wasThere: true,
          collect: { kind: 'collected', keptBlocks: used.size, missingBlocks: 0 },
        })
        await rm(copy, { recursive: true })
      }
    })
  },
)
