/**
 * Whatever happened to its snapshots, its record, or the backups: the next backup of a volume is what the volume was.
 */
import { createHash, randomBytes } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#lib/base/clock.ts'
import { randomIds } from '#lib/base/ids.ts'
import { silentLog } from '#lib/base/log.ts'
import { KiB, MiB } from '#lib/base/sizes.ts'
import { memoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { initPool, openPool, type Pool } from '#lib/volume/pool.ts'
import { poolKinds, type PoolKind } from '#lib/volume/pool-driver.ts'
import { makePoolFileSystem, noPools, run, type PoolFileSystem } from '#test/pool-file-system.ts'
import { backUpVolume, releaseLeftSnapshots, type BackUpVolumeResult } from './back-up-volume.ts'
import { blockWorkers } from './block-workers.ts'
import { createBackup } from './create-backup.ts'
import { deleteBackup } from './delete-backup.ts'
import { fileSource } from './file-source.ts'
import { memoryTarget } from './memory-volume.ts'
import { restoreBackup } from './restore-backup.ts'
import { restoreToVolume } from './restore-to-volume.ts'

const reason = noPools()
if (reason !== undefined) console.log(`backups of volumes are not tested: ${reason}`)

const sizeBytes = 12 * MiB
const workers = blockWorkers()
afterAll(() => workers.close())

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

interface World {
  fileSystem: PoolFileSystem
  pool: Pool
  store: ObjectStore
  volume: string
}

const reopen = async (world: World): Promise<void> => {
  await world.pool.close()
  world.pool = await openPool({ folder: world.fileSystem.folder })
}

/** Written the way that a file allows on every kind of pool, and then at rest. */
const write = async (
  { pool, volume }: World,
  writes: readonly { at: number; bytes: Uint8Array }[],
): Promise<void> => {
  const { path } = await pool.attachVolume(volume, 'file')
  const file = await open(path ?? '', 'r+')
  for (const { at, bytes } of writes) await file.write(bytes, 0, bytes.length, at)
  await file.sync()
  await file.close()
  await pool.detachVolume(volume)
}

const random = (at: number, count = 4 * KiB) => [{ at, bytes: randomBytes(count) }]

const headOf = async ({ pool, volume }: World): Promise<Buffer> => {
  const { path } = await pool.attachVolume(volume, 'file')
  const content = readFileSync(path ?? '')
  await pool.detachVolume(volume)
  return content
}

const depsOf = ({ pool, store }: World) => ({
  pool,
  store,
  workers,
  clock: systemClock,
  ids: randomIds,
  log: silentLog,
})

const target = 's3://backups@eu-central-1/'

const backUp = (world: World, more: { snapshotName?: string; target?: string } = {}) =>
  backUpVolume(depsOf(world))({
    poolVolumeName: world.volume,
    volumeName: 'web',
    target,
    labels: {},
    ...more,
  })

const restored = async ({ store }: World, backupName: string): Promise<Uint8Array> => {
  const into = memoryTarget()
  await restoreBackup({ store })({ volumeName: 'web', backupName, target: into })
  return into.content()
}

const expectWhole = async (world: World, { backupName }: BackUpVolumeResult): Promise<void> => {
  expect(sha256(await restored(world, backupName))).toBe(sha256(await headOf(world)))
}

const recordPath = ({ fileSystem, volume }: World): string =>
  join(fileSystem.folder, 'volumes', volume, 'volume.json')

describe.skipIf(reason !== undefined).each(poolKinds)(
  'backups of a volume in a pool on %s',
  (kind: PoolKind) => {
    const world = { volume: '' } as World
    let count = 0

    beforeAll(async () => {
      world.fileSystem = makePoolFileSystem(kind)
      await initPool({ folder: world.fileSystem.folder, kind })
      world.pool = await openPool({ folder: world.fileSystem.folder })
    })
    afterAll(async () => {
      await world.pool?.close()
      world.fileSystem?.close()
    })

    /** A volume of its own for each test, with a first backup. */
    const begin = async (): Promise<BackUpVolumeResult> => {
      count++
      world.volume = `volume-${count}`
      world.store = memoryObjectStore()
      await world.pool.createVolume({ name: world.volume, sizeBytes })
      await write(world, [...random(0, 3 * MiB), ...random(6 * MiB, 100 * KiB)])
      const first = await backUp(world)
      expect(first).toMatchObject({ comparedBy: 'content', isIncremental: false, newBlocks: 3 })
      return first
    }

    it('read and send what changed since the last one, and keep one snapshot for the next', async () => {
      const first = await begin()
      await write(world, [...random(2 * MiB), ...random(10 * MiB, 8 * KiB)])
      const second = await backUp(world)
      expect(second).toMatchObject({
        comparedBy: 'snapshots',
        baseBackupName: first.backupName,
        readBlocks: 2,
        newBlocks: 2,
        consistency: 'at-rest',
      })
      await expectWhole(world, second)
      const third = await backUp(world)
      expect(third).toMatchObject({ comparedBy: 'snapshots', readBlocks: 0, newBlocks: 0 })
      await expectWhole(world, third)
      const snapshots = await world.pool.listSnapshots(world.volume)
      expect(snapshots.map(({ name }) => name)).toEqual([third.snapshotName])
    })

    it('leave out what was discarded', async () => {
      await begin()
      const { path = '' } = await world.pool.attachVolume(world.volume, 'file')
      run('fallocate', '--punch-hole', '--offset', String(6 * MiB), '--length', String(2 * MiB), path)
      await world.pool.detachVolume(world.volume)
      const second = await backUp(world)
      expect(second).toMatchObject({ comparedBy: 'snapshots', blockCount: 2, newBlocks: 0 })
      await expectWhole(world, second)
    })

    it('follow an expansion', async () => {
      await begin()
      await world.pool.expandVolume(world.volume, sizeBytes + 4 * MiB)
      await write(world, random(sizeBytes + 3 * MiB))
      const second = await backUp(world)
      expect(second).toMatchObject({ comparedBy: 'snapshots', readBlocks: 1, volumeSizeBytes: 16 * MiB })
      await expectWhole(world, second)
    })

    it('compare content when the snapshot is another one of the same name', async () => {
      await begin()
      await world.pool.createSnapshot(world.volume, { name: 'daily' })
      expect((await backUp(world, { snapshotName: 'daily' })).comparedBy).toBe('snapshots')
      await write(world, random(0))
      await world.pool.deleteSnapshot(world.volume, 'daily')
      await world.pool.createSnapshot(world.volume, { name: 'daily' })
      const next = await backUp(world, { snapshotName: 'daily' })
      expect(next).toMatchObject({ comparedBy: 'content', newBlocks: 1 })
      await expectWhole(world, next)
    })

    it('compare content when the volume is another one of the same name', async () => {
      await begin()
      await world.pool.deleteVolume(world.volume)
      await world.pool.createVolume({ name: world.volume, sizeBytes })
      await write(world, random(4 * MiB))
      const next = await backUp(world)
      expect(next).toMatchObject({ comparedBy: 'content', newBlocks: 1, blockCount: 1 })
      await expectWhole(world, next)
    })

    it('are right after a revert', async () => {
      await begin()
      await world.pool.createSnapshot(world.volume, { name: 'before' })
      await write(world, random(0, 2 * MiB))
      const middle = await backUp(world)
      await world.pool.revertVolume(world.volume, 'before')
      await write(world, random(8 * MiB))
      const next = await backUp(world)
      expect(next).toMatchObject({ comparedBy: 'snapshots', baseBackupName: middle.backupName })
      await expectWhole(world, next)
    })

    it('are right when somebody else made the last one', async () => {
      await begin()
      await write(world, random(0))
      const image = join(world.fileSystem.folder, '..', 'foreign.img')
      writeFileSync(image, randomBytes(sizeBytes))
      const source = await fileSource(image, workers)
      await createBackup(depsOf(world))({ volumeName: 'web', source, labels: {}, backupName: 'foreign' })
      await source.close()
      const next = await backUp(world)
      await expectWhole(world, next)
      expect(sha256(await restored(world, 'foreign'))).toBe(sha256(readFileSync(image)))
    })

    it('compare content when the last one is another one of its name', async () => {
      const first = await begin()
      await write(world, random(0))
      await deleteBackup(depsOf(world))({ volumeName: 'web', backupName: first.backupName })
      const image = join(world.fileSystem.folder, '..', 'foreign.img')
      writeFileSync(image, randomBytes(sizeBytes))
      const source = await fileSource(image, workers)
      const { backupName } = first
      await createBackup(depsOf(world))({ volumeName: 'web', source, labels: {}, backupName })
      await source.close()
      const next = await backUp(world)
      expect(next.comparedBy).toBe('content')
      await expectWhole(world, next)
    })

    it('compare content when the last one is gone', async () => {
      const first = await begin()
      await write(world, random(0))
      await deleteBackup(depsOf(world))({ volumeName: 'web', backupName: first.backupName })
      const next = await backUp(world)
      expect(next).toMatchObject({ comparedBy: 'content', isIncremental: false })
      await expectWhole(world, next)
    })

    it('compare content, and send only what differs, when the record of them is lost', async () => {
      await begin()
      await write(world, random(0))
      await world.pool.close()
      const record = JSON.parse(readFileSync(recordPath(world), 'utf8')) as { backups: unknown[] }
      expect(record.backups).toHaveLength(1)
      writeFileSync(recordPath(world), JSON.stringify({ ...record, backups: [] }))
      world.pool = await openPool({ folder: world.fileSystem.folder })
      const next = await backUp(world)
      expect(next).toMatchObject({ comparedBy: 'content', newBlocks: 1, isIncremental: true })
      await expectWhole(world, next)
    })

    it('compare content when the snapshot was replaced on the disk', async () => {
      await begin()
      const [base] = await world.pool.listSnapshots(world.volume)
      const layer = join(world.fileSystem.folder, 'volumes', world.volume, base?.id ?? '')
      const image = join(layer, 'volume.img')
      await write(world, random(0))
      if (kind === 'btrfs') {
        run('btrfs', 'subvolume', 'delete', layer)
        mkdirSync(layer)
        writeFileSync(image, randomBytes(sizeBytes))
      } else {
        copyFileSync(image, `${image}.copy`)
        rmSync(image)
        run('mv', `${image}.copy`, image)
      }
      const next = await backUp(world)
      expect(next).toMatchObject({ comparedBy: 'content', newBlocks: 1 })
      await expectWhole(world, next)
    })

    it('go on from the record before when a crash came between commit and record', async () => {
      await begin()
      await write(world, random(0))
      const deps = depsOf(world)
      const crashing = { ...world.pool, recordBackup: () => Promise.reject(new Error('crashed here')) }
      const command = { poolVolumeName: world.volume, volumeName: 'web', target, labels: {} }
      await expect(backUpVolume({ ...deps, pool: crashing })(command)).rejects.toThrow('crashed here')
      await write(world, random(2 * MiB))
      const next = await backUp(world)
      expect(next).toMatchObject({ comparedBy: 'snapshots', readBlocks: 2, newBlocks: 1 })
      await expectWhole(world, next)
    })

    it('clear away the snapshot of one that died', async () => {
      const first = await begin()
      await world.pool.createSnapshot(world.volume, { isUserCreated: false, name: 'left' })
      await world.pool.createSnapshot(world.volume, { name: 'mine' })
      await reopen(world)
      await releaseLeftSnapshots({ pool: world.pool, log: silentLog })(world.volume)
      const names = (await world.pool.listSnapshots(world.volume)).map(({ name }) => name)
      expect(names).toEqual([first.snapshotName, 'mine'])
    })

    it('keep a snapshot as long as another target needs it', async () => {
      await begin()
      const elsewhere = memoryObjectStore()
      const other = { ...world, store: elsewhere }
      const [base] = await world.pool.listSnapshots(world.volume)
      await backUp(other, { target: 'file:///mnt/nas/', snapshotName: base?.name ?? '' })
      await write(world, random(0))
      const next = await backUp(world)
      expect((await world.pool.listSnapshots(world.volume)).map(({ name }) => name)).toEqual([
        base?.name,
        next.snapshotName,
      ])
      const there = await backUp(other, { target: 'file:///mnt/nas/' })
      expect(there).toMatchObject({ comparedBy: 'snapshots', readBlocks: 1 })
      await expectWhole(other, there)
      expect((await world.pool.listSnapshots(world.volume)).map(({ name }) => name)).toEqual([
        next.snapshotName,
        there.snapshotName,
      ])
    })

    it('restore into new volumes, several at once, that exist only when complete', async () => {
      const first = await begin()
      const content = sha256(await headOf(world))
      const { volume } = world
      const restoreTo = (poolVolumeName: string) =>
        restoreToVolume(depsOf(world))({ poolVolumeName, volumeName: 'web', backupName: first.backupName })
      const names = ['one', 'two', 'three'].map((name) => `${volume}-${name}`)
      const restoring = Promise.all(names.map(restoreTo))
      await new Promise((resolve) => setImmediate(resolve))
      expect((await world.pool.listVolumes()).map(({ name }) => name)).not.toContain(names[0])
      await restoring
      for (const name of names) {
        world.volume = name
        expect(sha256(await headOf(world))).toBe(content)
      }
      const again = await restoreTo(`${volume}-one`).catch((error: unknown) => error)
      expect(again).toMatchObject({ code: 'volume-exists' })
      world.volume = volume
    })

    it('leave no volume when a restore fails', async () => {
      const first = await begin()
      const name = `${world.volume}-broken`
      for await (const { objects } of world.store.list('')) {
        const block = objects.find(({ key }) => key.endsWith('.blk'))
        if (block) await world.store.put(block.key, Buffer.from('no block'))
      }
      const failing = restoreToVolume(depsOf(world))({
        poolVolumeName: name,
        volumeName: 'web',
        backupName: first.backupName,
      })
      await expect(failing).rejects.toMatchObject({ code: 'invalid-block' })
      expect(existsSync(join(world.fileSystem.folder, 'volumes', name))).toBe(false)
      await world.pool.createVolume({ name, sizeBytes })
    })

    it('give a restored volume the sectors and blocks that it had', async () => {
      count++
      world.volume = `volume-${count}`
      world.store = memoryObjectStore()
      const name = world.volume
      await world.pool.createVolume({
        name,
        sizeBytes: 32 * MiB,
        blockSizeBytes: 16 * MiB,
        sectorSizeBytes: 4096,
      })
      await write(world, random(0))
      const { backupName } = await backUp(world)
      await restoreToVolume(depsOf(world))({ poolVolumeName: `${name}-copy`, volumeName: 'web', backupName })
      expect(await world.pool.showVolume(`${name}-copy`)).toMatchObject({
        sizeBytes: 32 * MiB,
        blockSizeBytes: 16 * MiB,
        sectorSizeBytes: 4096,
      })
    })
  },
)
