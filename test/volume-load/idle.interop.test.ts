/**
 * What a job does each minute, sixty times, with a volume that is mounted and idle: nothing.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { systemClock } from '#lib/base/clock.ts'
import { randomIds } from '#lib/base/ids.ts'
import { silentLog } from '#lib/base/log.ts'
import { GiB, MiB } from '#lib/base/sizes.ts'
import { backUpVolume } from '#lib/backup/back-up-volume.ts'
import { blockWorkers } from '#lib/backup/block-workers.ts'
import { folderObjectStore } from '#lib/object-store/folder-object-store.ts'
import { initPool, openPool, type Pool } from '#lib/volume/pool.ts'
import { poolKinds, type PoolKind } from '#lib/volume/pool-driver.ts'
import { makePoolFileSystem, noPools } from '../pool-file-system.ts'
import { cleanups, type Cleanups } from './cleanups.ts'
import { makeFileSystem, mount, unmount, type InnerFileSystem } from './mounting.ts'

const reason = noPools()
if (reason !== undefined) console.log(`idle volumes are not tested: ${reason}`)

const volume = 'idle'
const sizeBytes = 320 * MiB
const ticks = 60
/** So that they last longer than the 30 s after which the kernel writes back what is dirty, and XFS looks at its log. */
const tickMs = 650

interface Idle {
  pool: Pool
  device: string
  mountpoint: string
  backups: string
  /** What a job does each minute. Whether it made something. */
  tick(): Promise<boolean>
}

const ticking = (pool: Pool, backups: string, made: Cleanups): Idle['tick'] => {
  const workers = blockWorkers(1)
  made.add(() => workers.close())
  const store = folderObjectStore({ folder: backups })
  const deps = { pool, store, workers, clock: systemClock, ids: randomIds, log: silentLog }
  return async () => {
    const last = (await pool.listSnapshots(volume)).at(-1)
    if (last && !(await pool.hasWritesSince(volume, last.name))) return false
    await backUpVolume(deps)({ poolVolumeName: volume, volumeName: volume, target: 'file:///b/', labels: {} })
    return true
  }
}

const idleVolume = async (kind: PoolKind, inner: InnerFileSystem, made: Cleanups): Promise<Idle> => {
  const work = mkdtempSync(join(tmpdir(), `drover-idle-${kind}-`))
  made.add(() => rmSync(work, { recursive: true }))
  const [mountpoint, backups] = [join(work, 'volume'), join(work, 'backups')]
  for (const folder of [mountpoint, backups]) mkdirSync(folder)
  const fileSystem = makePoolFileSystem(kind, 2 * GiB)
  made.add(() => fileSystem.close())
  const { folder } = fileSystem
  await initPool({ folder, kind })
  const pool = await openPool({ folder })
  made.add(() => pool.close())
  await pool.createVolume({ name: volume, sizeBytes })
  const { path: device = '' } = await pool.attachVolume(volume, 'block')
  made.add(() => pool.detachVolume(volume))
  await makeFileSystem(inner, device)
  await mount(inner, device, mountpoint)
  made.add(() => unmount(mountpoint))
  for (const name of ['a', 'b', 'c']) writeFileSync(join(mountpoint, name), name.repeat(100_000))
  return {
    pool,
    device,
    mountpoint,
    backups,
    tick: ticking(pool, backups, made),
  }
}

/** Sectors written and discarded since it was attached: Documentation/block/stat.rst. */
const written = (device: string): string => {
  const fields = readFileSync(`/sys/block/${basename(device)}/stat`, 'utf8')
    .trim()
    .split(/\s+/)
  return `${fields[6]} ${fields[13]}`
}

/** Every file and folder, with when it was last changed; records with all that they say. */
const contentOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => {
    const path = join(folder, name)
    const { mtimeNs, ctimeNs, size } = statSync(path, { bigint: true })
    const record = name.endsWith('.json') ? readFileSync(path, 'utf8') : ''
    return `${name} ${size} ${mtimeNs} ${ctimeNs} ${record}`
  })

const everything = ({ pool, device, backups }: Idle) => ({
  written: written(device),
  pool: contentOf(pool.folder),
  backups: contentOf(backups),
})

const tickFor = async (idle: Idle): Promise<number> => {
  let made = 0
  for (let count = 0; count < ticks; count++) {
    await setTimeout(tickMs)
    if (await idle.tick()) made++
  }
  return made
}

const cases = [
  ...poolKinds.map((kind) => ({ kind, inner: 'ext4' }) as const),
  { kind: 'btrfs', inner: 'xfs' } as const,
]

describe.skipIf(reason !== undefined).concurrent('an idle volume', () => {
  const made = cleanups()
  afterAll(() => made.run())

  it.each(cases)('makes nothing in sixty ticks, until it is written to: $inner on $kind', async (one) => {
    const idle = await idleVolume(one.kind, one.inner, made)
    expect(await idle.tick()).toBe(true)
    const before = everything(idle)

    expect(await tickFor(idle)).toBe(0)
    expect(everything(idle)).toEqual(before)

    writeFileSync(join(idle.mountpoint, 'a'), 'x')
    expect(await idle.tick()).toBe(true)
    const { written: sectors } = before
    console.log(
      `${one.inner} on ${one.kind}: ${ticks} ticks, 0 made, sectors written and discarded stay ${sectors}`,
    )
  })
})
