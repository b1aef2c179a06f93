import { expect, it } from 'vitest'
import { CatalogError } from '#lib/catalog/catalog-error.ts'
import { GiB } from '#lib/base/sizes.ts'
import { apiWorld } from '#test/api-world.ts'

it('tells whether the catalog answers, to whoever asks', async () => {
  const world = await apiWorld()
  expect(await world.answer('/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } })
  world.deps.catalog.clusters.list = async () => {
    throw new CatalogError('damaged', 'the disk is broken')
  }
  expect(await world.answer('/healthz')).toMatchObject({ status: 500 })
})

it.each([
  {
    error: new CatalogError('damaged', 'the disk is broken at /secret/place'),
    status: 500,
    code: 'internal',
  },
  { error: new TypeError('secret is undefined'), status: 500, code: 'internal' },
  {
    error: new CatalogError('unavailable', 'role secret may not', { hint: 'let role secret' }),
    status: 503,
    code: 'unavailable',
  },
])('tells a fault of the service to the log alone: $error', async ({ error, status, code }) => {
  const world = await apiWorld()
  world.deps.catalog.volumes.get = async () => {
    throw error
  }
  const answer = await world.answer('/v1/volumes/primary/web', { token: world.tokens.viewer })
  expect(answer).toMatchObject({ status, body: { code, hint: expect.any(String) } })
  expect(JSON.stringify(answer)).not.toContain('secret')
  expect(world.logged).toMatchObject([
    {
      level: 'error',
      event: 'request failed',
      fields: {
        method: 'GET',
        path: '/v1/volumes/primary/web',
        error: expect.stringContaining(error.message),
        ...('hint' in error && { hint: error.hint }),
      },
    },
  ])
})

it('says that the catalog is busy, and that it is worth another try', async () => {
  const world = await apiWorld()
  world.deps.catalog.volumes.get = async () => {
    throw new CatalogError('busy', 'volume web is being changed', { hint: 'try again' })
  }
  await expect(world.client('viewer').volumes.show('primary', 'web')).rejects.toMatchObject({
    status: 503,
    code: 'busy',
    hint: 'try again',
  })
})

it('says that something is too large for the catalog, and keeps nothing of it', async () => {
  const world = await apiWorld()
  const before = await world.snapshotOfAll()
  const groups = Array.from({ length: 20_000 }, (_, i) => `group-with-a-long-name-${i}`)
  await expect(
    world.client('admin').volumes.create({ cluster: 'primary', name: 'new', sizeBytes: GiB, groups }),
  ).rejects.toMatchObject({ status: 413, code: 'item-too-large' })
  expect(await world.snapshotOfAll()).toBe(before)
})

it.each([
  [{ name: 'Standby' }, 'name has lower case letters, digits, "-" and ".", at most 63'],
  [{ name: 7 }, 'name is no string'],
  [{}, 'name is missing'],
  [{ name: 'standby', more: 1 }, 'more is not known here'],
])('says in words what is wrong with %j', async (sent, words) => {
  const world = await apiWorld()
  await expect(world.requestBy(world.tokens.admin)('POST', '/v1/clusters', { body: sent })).rejects.toThrow(
    `body: ${words}`,
  )
})

it.each([
  [{ retain: 0 }, 'retain is less than 1'],
  [{ retain: 1.5 }, 'retain is no whole number'],
  [{ task: 'restore' }, 'task is none of snapshot, backup'],
  [{ cron: '61' }, 'cron expression "61": it has 1 fields instead of five'],
  [{ groups: ['no group'] }, 'groups.0 has letters, digits, "_", "-" and "."'],
])('says in words what is wrong with a job of %j', async (more, words) => {
  const world = await apiWorld()
  const body = { task: 'backup', cron: '0 2 * * *', retain: 1, ...more }
  await expect(world.requestBy(world.tokens.admin)('PUT', '/v1/jobs/daily', { body })).rejects.toThrow(
    `body: ${words}`,
  )
})
