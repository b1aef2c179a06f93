import { beforeEach, describe, expect, it } from 'vitest'
import { createBackup } from '#lib/backup/create-backup.ts'
import { deleteBackup } from '#lib/backup/delete-backup.ts'
import { deleteBackupVolume } from '#lib/backup/delete-backup-volume.ts'
import { memorySource } from '#lib/backup/memory-volume.ts'
import { randomIds } from '#lib/base/ids.ts'
import { silentLog } from '#lib/base/log.ts'
import { MiB } from '#lib/base/sizes.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { catalog, type Catalog } from '#lib/catalog/catalog.ts'
import { memoryItemStore } from '#lib/catalog/memory-item-store.ts'
import { memoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { indexBackupVolume, indexTarget } from './index-backups.ts'

describe('the index of a backupstore', () => {
  let store: ObjectStore
  let things: Catalog
  /** Sleeps end at once, and time passes by them. */
  let nowMs = 0
  const clock = {
    now: () => new Date(nowMs),
    sleep: async (ms: number) => {
      nowMs += ms
    },
  }

  beforeEach(() => {
    nowMs = Date.parse('2026-01-01T00:00:00Z')
    store = memoryObjectStore({ clock })
    things = catalog(memoryItemStore())
  })
  const deps = () => ({ store, clock, ids: randomIds, log: silentLog })
  const backUp = (volumeName: string, backupName: string, labels: Record<string, string> = {}) => {
    nowMs += 60_000
    const source = memorySource(Buffer.alloc(4 * MiB, backupName))
    return createBackup(deps())({ volumeName, source, backupName, labels })
  }
  const index = (volume = 'web') => indexBackupVolume({ catalog: things })({ target: 'nas', store }, volume)
  const namesOf = async (volume = 'web') => {
    const { partition } = catalogKeys.backup('nas', volume, '')
    const { values } = await things.backups.list({ partition })
    return values.map(({ name }) => name)
  }
  const volumeIn = (name = 'web') => things.backupVolumes.get(catalogKeys.backupVolume('nas', name))

  it('has what the store has, and changes nothing when it is made again', async () => {
    await backUp('web', 'first')
    await backUp('web', 'second', { RecurringJob: 'daily' })
    expect(await index()).toMatchObject({ volumes: 1, backups: 2, written: 2, removed: 0, problems: [] })
    expect(await index()).toMatchObject({ written: 0, removed: 0 })
    expect(await namesOf()).toEqual(['first', 'second'])
    expect(await things.backups.get(catalogKeys.backup('nas', 'web', 'second'))).toMatchObject({
      sizeBytes: 4 * MiB,
      labels: { RecurringJob: 'daily' },
      obstacle: null,
    })
    expect(await volumeIn()).toMatchObject({ sizeBytes: 4 * MiB, lastBackupName: 'second' })
  })

  it('follows deletions, and the last backup with them', async () => {
    await backUp('web', 'first')
    await backUp('web', 'second')
    await index()
    await deleteBackup(deps())({ volumeName: 'web', backupName: 'second' })
    expect(await index()).toMatchObject({ removed: 1 })
    expect(await namesOf()).toEqual(['first'])
    expect(await volumeIn()).toMatchObject({ lastBackupName: 'first' })
    await deleteBackupVolume(deps())({ volumeName: 'web' })
    await index()
    expect(await namesOf()).toEqual([])
    expect(await volumeIn()).toBe(undefined)
  })

  it('keeps what is known of a backup that cannot be read any more, and says why', async () => {
    await backUp('web', 'first')
    await index()
    await store.put(volumeKeys('web').backupConfig('first'), Buffer.from('no config'))
    const { problems } = await index()
    expect(problems.join()).toContain('backup_first.cfg')
    const backup = await things.backups.get(catalogKeys.backup('nas', 'web', 'first'))
    expect(backup?.sizeBytes).toBe(4 * MiB)
    expect(backup?.obstacle).toContain('backup_first.cfg')
  })

  it('looks for what changed alone, and lists nothing, where it is told what that was', async () => {
    await backUp('web', 'first')
    await backUp('web', 'second')
    const asked: string[] = []
    const watched: ObjectStore = {
      ...store,
      get: (key, options) => {
        asked.push(key)
        return store.get(key, options)
      },
      list: (prefix, options) => {
        asked.push(`list ${prefix}`)
        return store.list(prefix, options)
      },
    }
    const look = async (...backups: string[]) => {
      asked.length = 0
      return indexBackupVolume({ catalog: things })({ target: 'nas', store: watched }, 'web', { backups })
    }
    const { volumeConfig, backupConfig, backupsFolder } = volumeKeys('web')
    expect(await look('second')).toMatchObject({ backups: 2, written: 2 })
    expect(asked).toContain(`list ${backupsFolder}`)
    await backUp('web', 'third')
    expect(await look('third')).toMatchObject({ backups: 3, written: 1, removed: 0 })
    expect(asked).toEqual([volumeConfig, backupConfig('third')])
    await backUp('web', 'fourth')
    expect(await look()).toMatchObject({ backups: 4, written: 1 })
    for (const name of ['third', 'fourth'])
      await deleteBackup(deps())({ volumeName: 'web', backupName: name })
    expect(await look('third', 'fourth')).toMatchObject({ backups: 2, written: 0, removed: 2 })
    expect(asked).not.toContain(`list ${backupsFolder}`)
    expect(await volumeIn()).toMatchObject({ lastBackupName: 'second' })
    await store.put(backupConfig('first'), new Uint8Array([0]))
    await index()
    expect((await look()).problems).toHaveLength(1)
  })

  it('looks for all where volume.cfg is gone: nothing can be restored then', async () => {
    await backUp('web', 'first')
    await index()
    await store.deleteMany([volumeKeys('web').volumeConfig])
    await indexBackupVolume({ catalog: things })({ target: 'nas', store }, 'web', { backups: [] })
    const row = await things.backups.get(catalogKeys.backup('nas', 'web', 'first'))
    expect(row?.obstacle).toMatch(/volume\.cfg/)
  })

  it('has no backup that is in progress', async () => {
    await backUp('web', 'first')
    const mark = volumeKeys('web').backupConfig('second')
    const config = await store.get(volumeKeys('web').backupConfig('first'))
    const chunks = []
    for await (const chunk of config?.body ?? []) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString().replaceAll('first', 'second')
    await store.put(mark, Buffer.from(text.replace(/"CreatedTime":"[^"]*"/, '"CreatedTime":""')))
    await index()
    expect(await namesOf()).toEqual(['first'])
  })

  it('keeps a backup that was committed while the store was listed', async () => {
    await backUp('web', 'first')
    await index()
    const listing: ObjectStore = {
      ...store,
      list: async function* (prefix, options) {
        yield* store.list(prefix, options)
        if (prefix.endsWith('backups/') && !(await namesOf()).includes('second')) {
          await backUp('web', 'second')
          await index()
        }
      },
    }
    await indexBackupVolume({ catalog: things })({ target: 'nas', store: listing }, 'web')
    expect(await namesOf()).toEqual(['first', 'second'])
  })

  it('is made again from nothing', async () => {
    for (const volume of ['web', 'db']) for (const name of ['first', 'second']) await backUp(volume, name)
    const target = { target: 'nas', store }
    expect(await indexTarget({ catalog: things })(target)).toMatchObject({
      volumes: 2,
      backups: 4,
      written: 4,
    })
    const again = catalog(memoryItemStore())
    await indexTarget({ catalog: again })(target)
    for (const volume of ['web', 'db']) {
      const { partition } = catalogKeys.backup('nas', volume, '')
      expect(await again.backups.list({ partition })).toEqual(await things.backups.list({ partition }))
    }
    await deleteBackupVolume(deps())({ volumeName: 'db' })
    expect(await indexTarget({ catalog: things })(target)).toMatchObject({ volumes: 1, removed: 2 })
    expect(await volumeIn('db')).toBe(undefined)
  })

  it('reads no row of a volume by itself where nothing changed', async () => {
    const items = memoryItemStore()
    const reads: string[] = []
    things = catalog({
      ...items,
      get: (key) => {
        reads.push(key.sort)
        return items.get(key)
      },
    })
    for (const name of ['first', 'second', 'third']) await backUp('web', name)
    await index()
    reads.length = 0
    expect(await index()).toMatchObject({ backups: 3, written: 0 })
    expect(reads).toEqual([catalogKeys.backupVolume('nas', 'web').sort])
    await store.put(volumeKeys('web').backupConfig('second'), Buffer.from('no config'))
    reads.length = 0
    expect(await index()).toMatchObject({ backups: 3, written: 1 })
    expect(reads).toContain(catalogKeys.backup('nas', 'web', 'second').sort)
    expect(reads).toHaveLength(2)
  })

  const volumes = ['v1', 'v2', 'v3', 'v4', 'v5', 'v6', 'v7', 'v8']
  /** Reading of these volumes waits for all else that can be done before. */
  const slowly = (slow: (volume: string) => boolean): ObjectStore => ({
    ...store,
    get: async (key, options) => {
      const isSlow = volumes.some((volume) => slow(volume) && key === volumeKeys(volume).volumeConfig)
      if (isSlow) for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
      return store.get(key, options)
    },
  })

  it('of all of a target says the same in whatever order its volumes are read', async () => {
    for (const volume of volumes) {
      await backUp(volume, 'whole')
      await store.put(volumeKeys(volume).backupConfig('damaged'), Buffer.from('no config'))
    }
    const look = (slow: (volume: string) => boolean) =>
      indexTarget({ catalog: catalog(memoryItemStore()) })({ target: 'nas', store: slowly(slow) })
    const result = await look(() => false)
    expect(result).toMatchObject({ volumes: 8, backups: 16, written: 8 })
    expect(result.problems).toHaveLength(8)
    for (const slow of ['a', 'bd', 'aceg'])
      expect(await look((volume) => slow.includes(volume))).toEqual(result)
  })

  it('keeps what was found of other volumes when one cannot be looked at', async () => {
    for (const volume of volumes) await backUp(volume, 'first')
    const away: ObjectStore = {
      ...slowly((volume) => volume === 'v1'),
      list: (prefix, options) => {
        if (prefix === volumeKeys('v2').backupsFolder) throw new Error('no route to host')
        return store.list(prefix, options)
      },
    }
    await expect(indexTarget({ catalog: things })({ target: 'nas', store: away })).rejects.toThrow(
      'no route to host',
    )
    expect(await namesOf('v1')).toEqual(['first'])
    expect(await namesOf('v2')).toEqual([])
    expect(await indexTarget({ catalog: things })({ target: 'nas', store })).toMatchObject({ backups: 8 })
  })
})
