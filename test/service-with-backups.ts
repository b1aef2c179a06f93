/**
 * @module service-with-backups: the CLI beside an API with a volume and three backups of it, made anew for each test of a file.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, vi } from 'vitest'
import { GiB, MiB } from '#lib/base/sizes.ts'
import type { Backup } from '#lib/catalog/entities.ts'
import type { ApiWorld } from './api-world.ts'
import { droverOnService, type DroverOnService, type RunOptions } from './drover-on-service.ts'
import { storedVolume } from './stored-volume.ts'

const backup = (name: string, more: Partial<Backup> = {}): Backup => ({
  target: 'nas',
  volume: 'web',
  name,
  snapshotName: `snap-of-${name}`,
  snapshotCreatedAt: '2026-01-01T00:00:00Z',
  createdAt: '2026-01-01T00:00:10Z',
  sizeBytes: GiB,
  newlyUploadedBytes: 2 * MiB,
  labels: { RecurringJob: 'nightly' },
  isIncremental: false,
  obstacle: null,
  ...more,
})

export let service: DroverOnService
export let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-service-'))
  service = await droverOnService()
  const { things, tokens } = service.world
  vi.stubEnv('DROVER_URL', service.url)
  vi.stubEnv('DROVER_TOKEN', tokens.admin)
  vi.stubEnv('DROVER_DATA', join(folder, 'data'))
  for (const name of ['DROVER_CLUSTER', 'DROVER_JOIN_TOKEN']) vi.stubEnv(name, '')
  await things.volumes.create({ ...storedVolume, name: 'db' })
  await things.backupVolumes.create({
    target: 'nas',
    name: 'web',
    sizeBytes: GiB,
    lastBackupName: 'two',
    lastBackupAt: '2026-01-02T00:00:00Z',
    createdAt: '2026-01-01T00:00:00Z',
  })
  await things.backups.create(backup('one'))
  await things.backups.create(backup('two', { snapshotCreatedAt: '2026-01-02T00:00:00Z' }))
  await things.backups.create(
    backup('three', { snapshotCreatedAt: '2026-01-03T00:00:00Z', obstacle: 'its cfg is damaged' }),
  )
})
/** Of another world. */
export const serveInstead = async (world: ApiWorld): Promise<void> => {
  await service.stop()
  service = await droverOnService(world)
  vi.stubEnv('DROVER_URL', service.url)
}

afterEach(async () => {
  vi.unstubAllEnvs()
  await service.stop()
  await rm(folder, { recursive: true, force: true })
})

export const run = (command: string, options: RunOptions = {}) => service.drover(command.split(' '), options)

/** What one that must succeed prints. */
export const told = async (command: string, options: RunOptions = {}): Promise<string> => {
  const { code, stdout, stderr } = await run(command, options)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}
export const json = async (command: string, options: RunOptions = {}): Promise<any> =>
  JSON.parse(await told(`${command} --json`, options))
