import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { apiClient } from '#lib/api/client.ts'
import { readLocalServer } from '#lib/api/local-server.ts'
import { requests } from '#lib/api/requests.ts'
import { systemClock } from '#lib/base/clock.ts'
import { gathered } from '#lib/base/gathered.ts'
import { randomIds } from '#lib/base/ids.ts'
import { silentLog } from '#lib/base/log.ts'
import { startStandalone, type Standalone, type StandaloneSettings } from './standalone.ts'

let folder: string
const running: Standalone[] = []

const start = async (more: Partial<StandaloneSettings> = {}): Promise<Standalone> => {
  const started = await startStandalone({
    folder,
    listen: { host: '127.0.0.1', port: 0 },
    hasAgents: false,
    clock: systemClock,
    ids: randomIds,
    log: silentLog,
    env: {},
    ...more,
  })
  running.push(started)
  return started
}

const stopAll = async (): Promise<void> => {
  for (const one of running.splice(0)) await one.stop()
}

/** As a command on this machine finds it. */
const localClient = async () => {
  const local = await readLocalServer(folder)
  if (!local) throw new Error('no server.json')
  return { ...local, client: apiClient(requests(local)) }
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-standalone-'))
})
afterEach(async () => {
  await stopAll()
  await rm(folder, { recursive: true, force: true })
})

describe('standalone', () => {
  it('answers where server.json says, to the token beside it, which its owner alone can read', async () => {
    const { url } = await start()
    const local = await localClient()
    expect(local.url).toBe(url)
    expect(await gathered(local.client.clusters.list())).toEqual([])
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    expect((await stat(join(folder, 'admin-token'))).mode & 0o777).toBe(0o600)
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'ok' })
    expect((await fetch(`${url}/v1/clusters`)).status).toBe(401)
  })

  it('keeps what it was told, and its token, over a restart', async () => {
    await start()
    const before = await localClient()
    await before.client.clusters.create({ name: 'edge' })
    await before.client.jobs.put('daily', { task: 'backup', cron: '0 2 * * *', retain: 3 })
    await stopAll()
    await start()
    const after = await localClient()
    expect(after.token).toBe(before.token)
    expect((await gathered(after.client.clusters.list())).map(({ name }) => name)).toEqual(['edge'])
    expect(await after.client.jobs.show('daily')).toMatchObject({ cron: '0 2 * * *', retain: 3 })
  })

  it('makes another token when the one on this machine was deleted', async () => {
    await start()
    const before = await localClient()
    for await (const { id } of before.client.tokens.list()) await before.client.tokens.remove(id)
    await expect(gathered(before.client.clusters.list())).rejects.toMatchObject({ code: 'unauthenticated' })
    await stopAll()
    await start()
    const after = await localClient()
    expect(after.token).not.toBe(before.token)
    expect(await gathered(after.client.clusters.list())).toEqual([])
  })

  it('lets one service at a time have the folder', async () => {
    await start()
    await expect(start()).rejects.toMatchObject({ code: 'in-use' })
  })

  it('says who else listens where it should', async () => {
    const { url } = await start()
    const port = Number(new URL(url).port)
    const other = await mkdtemp(join(tmpdir(), 'drover-standalone-'))
    const second = start({ folder: other, listen: { host: '127.0.0.1', port } })
    await expect(second).rejects.toMatchObject({ code: 'no-listen', message: /EADDRINUSE/ })
    await rm(other, { recursive: true })
  })

  it('indexes a target that it is told of, and finds what others wrote there', async () => {
    await start()
    const { client } = await localClient()
    const url = `file://${folder}/store/`
    await client.targets.create({ name: 'store', url })
    expect(await client.targets.index('store')).toMatchObject({ volumes: 0, backups: 0, problems: [] })
    expect(await client.targets.show('store')).toMatchObject({ url, failure: null })
  })

  it('never makes the folder of a target again: it was on a share that is not mounted', async () => {
    await start()
    const { client } = await localClient()
    const store = join(folder, 'store')
    await client.targets.create({ name: 'store', url: `file://${store}/` })
    await client.targets.index('store')
    await rm(store, { recursive: true })
    await expect(client.targets.index('store')).rejects.toMatchObject({ code: 'unavailable' })
    await expect(stat(store)).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await client.targets.show('store')).toMatchObject({
      failure: expect.stringContaining('no folder'),
    })
  })

  it('keeps secrets in a file of their own, and nowhere else', async () => {
    const canary = 'canary-5d1f0c7a9be24c63'
    await start()
    const { client } = await localClient()
    await client.secrets.put('minio', { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: canary })
    await client.targets.create({ name: 'far', url: 's3://bucket@region/', credential: 'minio' })
    await stopAll()
    for (const name of ['catalog.sqlite', 'queues.sqlite', 'server.json'])
      expect((await readFile(join(folder, name))).includes(canary)).toBe(false)
    expect((await stat(join(folder, 'secrets.json'))).mode & 0o777).toBe(0o600)
  })
})
