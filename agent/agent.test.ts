import { randomBytes } from 'node:crypto'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { joinNode, type AgentConfig } from '#lib/api/node-enrolment.ts'
import { systemClock } from '#lib/base/clock.ts'
import { gathered } from '#lib/base/gathered.ts'
import { randomIds } from '#lib/base/ids.ts'
import { jsonLog } from '#lib/base/json-log.ts'
import { MiB } from '#lib/base/sizes.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { openJournal } from '#lib/operation/journal.ts'
import type { Operation } from '#lib/operation/operation.ts'
import { initPool, openPool } from '#lib/volume/pool.ts'
import { smallControlPlane } from '#test/small-control-plane.ts'
import { startAgent, type RunningAgent } from './agent.ts'

const reason = process.platform === 'linux' ? undefined : 'pools need Linux'
if (reason !== undefined) console.log(`agents are not tested: ${reason}`)

const top = mkdtempSync(join(tmpdir(), 'drover-agent-'))
afterAll(() => rmSync(top, { recursive: true }))

describe.skipIf(reason !== undefined)('an agent', () => {
  let controlPlane: Awaited<ReturnType<typeof smallControlPlane>>
  let folder: string
  let config: AgentConfig
  let agent: RunningAgent | undefined
  let lines: string[]

  beforeEach(async () => {
    const own = mkdtempSync(join(top, 'node-'))
    folder = join(own, 'agent')
    controlPlane = await smallControlPlane(systemClock)
    lines = []
    const pool = join(own, 'pool')
    await initPool({ folder: pool, kind: 'copy', storageMinimalAvailablePercentage: 0 })
    config = await joinNode({
      url: 'http://127.0.0.1:1',
      joinToken: await controlPlane.joinToken(),
      node: 'node-1',
      pool,
      folder,
      fetch: controlPlane.fetch,
    })
    await mkdir(join(own, 'backups'))
    await controlPlane.things.targets.create({
      name: 'nas',
      url: `file://${own}/backups/`,
      credential: 'keys',
      reachedBy: null,
      createdAt: '2026-01-01T00:00:00Z',
      indexedAt: null,
      failure: null,
    })
    controlPlane.secrets.set('keys', { AWS_ACCESS_KEY_ID: 'canary-id', AWS_SECRET_ACCESS_KEY: 'canary-key' })
  })
  afterEach(async () => {
    await agent?.stop()
    agent = undefined
  })

  const start = async () => {
    agent = await startAgent(
      {
        clock: systemClock,
        ids: randomIds,
        log: jsonLog((line) => lines.push(line), systemClock, { isVerbose: true }),
        fetch: controlPlane.fetch,
      },
      { config, folder },
    )
  }
  const stop = async () => {
    await agent?.stop()
    agent = undefined
  }
  const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await isSo())) await systemClock.sleep(2)
  }
  const done = async (issued: Promise<Operation>): Promise<Operation> => {
    const ended = await controlPlane.ended((await issued).id)
    expect(ended).toMatchObject({ state: 'succeeded', failure: null })
    return ended
  }
  const imageOf = (volume: string): string =>
    globSync(join(config.pool, 'volumes', volume, 'head*', 'volume.img'))[0] ?? ''
  /** As a workload would, if there were a device. */
  const write = async (volume: string, bytes: Uint8Array, at = 0): Promise<void> => {
    await using file = await open(imageOf(volume), 'r+')
    await file.write(bytes, 0, bytes.length, at)
  }
  const snapshotRows = (volume: string) =>
    gathered(
      controlPlane.things.snapshots.all({
        partition: catalogKeys.snapshot('primary', volume, '').partition,
      }),
    )
  const backup = (name: string) => ({
    target: 'nas',
    backupVolume: 'web',
    backup: name,
    lock: `lock-${name}`,
    labels: {},
    isFull: false,
    onlyIfWritten: false,
  })

  it('makes a volume, a snapshot and a backup, and gives it back as a new volume', async () => {
    await start()
    await done(controlPlane.issue('create-volume', 'web', { sizeBytes: 12 * MiB }))
    expect(await controlPlane.volume('web')).toMatchObject({ state: 'detached', node: 'node-1' })
    await write('web', randomBytes(5 * MiB), MiB)
    await done(
      controlPlane.issue('create-snapshot', 'web', {
        snapshot: 'first',
        labels: { by: 'test' },
        onlyIfWritten: false,
      }),
    )
    expect(await snapshotRows('web')).toMatchObject([{ name: 'first', labels: { by: 'test' } }])
    const made = await done(controlPlane.issue('create-backup', 'web', backup('backup-1')))
    expect(made.result).toMatchObject({ outcome: 'made', backup: 'backup-1', newBlocks: 3 })
    const restore = { target: 'nas', backupVolume: 'web', backup: 'backup-1', isSalvage: false }
    await done(controlPlane.issue('restore-backup', 'copy', restore))
    expect(readFileSync(imageOf('copy')).equals(readFileSync(imageOf('web')))).toBe(true)
    await done(controlPlane.issue('delete-volume', 'copy', {}))
    expect(await controlPlane.volume('copy')).toMatchObject({ state: 'missing' })
    await stop()
    expect(lines.join('')).not.toMatch(/canary|drover_/)
  })

  it('has told what it holds before it tells that an operation ended', async () => {
    await start()
    await until(
      async () => (await controlPlane.things.nodes.get(catalogKeys.node('node-1')))?.heardAt !== null,
    )
    controlPlane.asked.length = 0
    await done(controlPlane.issue('create-volume', 'web', { sizeBytes: 12 * MiB }))
    const told = controlPlane.asked.filter((path) => /heartbeat|reports/.test(path))
    expect(told.slice(-2)).toEqual(['/v1/node/heartbeat', '/v1/node/reports'])
  })

  it('goes on, when it starts again, with a backup that it was stopped in', async () => {
    await start()
    await done(controlPlane.issue('create-volume', 'web', { sizeBytes: 64 * MiB }))
    await write('web', randomBytes(64 * MiB))
    const { id } = await controlPlane.issue('create-backup', 'web', backup('backup-1'))
    await until(() => globSync(join(folder, '..', 'backups', '**', '*.blk')).length > 0)
    await stop()
    expect(await controlPlane.operation(id)).toMatchObject({
      state: expect.stringMatching(/accepted|running/),
    })
    const before = globSync(join(folder, '..', 'backups', '**', '*.blk'))
    expect(before.length).toBeLessThan(32)
    await start()
    expect(await controlPlane.ended(id)).toMatchObject({
      state: 'succeeded',
      result: { backup: 'backup-1' },
    })
    const restore = { target: 'nas', backupVolume: 'web', backup: 'backup-1', isSalvage: false }
    await done(controlPlane.issue('restore-backup', 'copy', restore))
    expect(readFileSync(imageOf('copy')).equals(readFileSync(imageOf('web')))).toBe(true)
    expect(globSync(join(folder, '..', 'backups', '**', '*.lck'))).toEqual([])
  })

  it('performs nothing that the control plane does not want any more', async () => {
    const { id } = await controlPlane.issue('create-volume', 'web', { sizeBytes: 12 * MiB })
    await controlPlane.things.operations.change(
      catalogKeys.operation(id),
      (there) => there && { ...there, isCancelRequested: true },
    )
    const strange = await controlPlane.issue('expand-volume', 'none', { sizeBytes: 12 * MiB })
    await start()
    expect(await controlPlane.ended(id)).toMatchObject({ state: 'cancelled' })
    expect(await controlPlane.ended(strange.id)).toMatchObject({
      state: 'failed',
      failure: { code: 'not-current', message: 'there is no volume none any more' },
    })
    expect(existsSync(imageOf('web'))).toBe(false)
  })

  it('tells of what was made in its pool by hand', async () => {
    const pool = await openPool({ folder: config.pool })
    await pool.createVolume({ name: 'by-hand', sizeBytes: 12 * MiB })
    await pool.createSnapshot('by-hand', { name: 'one', labels: {} })
    await pool.createSnapshot('by-hand', { name: 'two', labels: {} })
    await pool.close()
    await start()
    await until(async () => (await snapshotRows('by-hand')).length === 2)
    expect(await controlPlane.volume('by-hand')).toMatchObject({ sizeBytes: 12 * MiB, state: 'detached' })
    expect(await snapshotRows('by-hand')).toMatchObject([
      { name: 'one', parent: null },
      { name: 'two', parent: 'one' },
    ])
  })

  it('waits for a pool that its predecessor has for a moment', async () => {
    const pool = await openPool({ folder: config.pool })
    const starting = start()
    await systemClock.sleep(300)
    expect(agent).toBe(undefined)
    await pool.close()
    await starting
    await done(controlPlane.issue('create-volume', 'web', { sizeBytes: 12 * MiB }))
  })

  it('loses nothing while the control plane does not answer, and ends when it is told to', async () => {
    await start()
    await done(controlPlane.issue('create-volume', 'web', { sizeBytes: 12 * MiB }))
    controlPlane.state.isReachable = false
    const { id } = await controlPlane.issue('expand-volume', 'web', { sizeBytes: 16 * MiB })
    await until(() => lines.some((line) => line.includes('receiving failed')))
    controlPlane.state.isReachable = true
    expect(await controlPlane.ended(id)).toMatchObject({ state: 'succeeded' })
    controlPlane.state.isReachable = false
    const before = Date.now()
    await stop()
    expect(Date.now() - before).toBeLessThan(2000)
  })

  it('that takes over the folder of another node leaves out what that one had to report', async () => {
    const journal = openJournal({
      path: join(folder, 'journal.sqlite'),
      node: 'node-0',
      now: () => new Date(),
    })
    journal.refuse('old', { code: 'expired', message: 'too late' }, '2026-01-01T00:00:00Z')
    journal.close()
    await start()
    await done(controlPlane.issue('create-volume', 'web', { sizeBytes: 12 * MiB }))
    expect(lines.filter((line) => line.includes('report refused; left out'))).toHaveLength(1)
  })

  it('says that it was removed', async () => {
    await controlPlane.things.nodes.remove(catalogKeys.node('node-1'))
    await start()
    await until(() => lines.some((line) => line.includes('the control plane refuses this node')))
    expect(lines.join('')).toContain('drover node join')
  })
})
