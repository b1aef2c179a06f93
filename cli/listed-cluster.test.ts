import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { droverOnService, type DroverOnService } from '#test/drover-on-service.ts'
import { storedVolume } from '#test/stored-volume.ts'

let service: DroverOnService
beforeEach(async () => {
  service = await droverOnService()
  vi.stubEnv('DROVER_URL', service.url)
  vi.stubEnv('DROVER_TOKEN', service.world.tokens.viewer)
  await service.world.things.clusters.create({ name: 'standby', createdAt: '2026-01-01T00:00:00Z' })
  await service.world.things.volumes.create({ ...storedVolume, cluster: 'standby', name: 'db' })
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await service.stop()
})

it.each([
  ['', 'primary/web\nstandby/db\n'],
  ['standby', 'standby/db\n'],
])('lists volumes of the cluster in DROVER_CLUSTER: "%s"', async (cluster, stdout) => {
  vi.stubEnv('DROVER_CLUSTER', cluster)
  expect(await service.drover(['volume', 'list', '--quiet'])).toMatchObject({ code: 0, stdout })
})

it('refuses an unknown cluster in DROVER_CLUSTER', async () => {
  vi.stubEnv('DROVER_CLUSTER', 'nope')
  const { code, stderr } = await service.drover(['volume', 'list'])
  expect(code).toBe(3)
  expect(stderr).toContain('there is no cluster nope')
})

it.each(['node', 'volume'])('tells that a cluster has no %s', async (kind) => {
  await service.world.things.clusters.create({ name: 'empty', createdAt: '2026-01-01T00:00:00Z' })
  const { code, stdout } = await service.drover([kind, 'list', '--cluster', 'empty'])
  expect({ code, stdout }).toEqual({ code: 0, stdout: `cluster empty has no ${kind}s\n` })
})
