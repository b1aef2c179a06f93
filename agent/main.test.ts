/**
 * The agent as a process of its own, against the routes of nodes behind a real server.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serve, type ServerType } from '@hono/node-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { joinNode } from '#lib/api/node-enrolment.ts'
import { systemClock } from '#lib/base/clock.ts'
import { MiB } from '#lib/base/sizes.ts'
import { initPool } from '#lib/volume/pool.ts'
import { smallControlPlane } from '#test/small-control-plane.ts'

const reason = process.platform === 'linux' ? undefined : 'pools need Linux'
if (reason !== undefined) console.log(`the agent's process is not tested: ${reason}`)

const main = join(import.meta.dirname, 'main.ts')

const run = (...args: string[]) => {
  const { DROVER_AGENT: _, ...env } = process.env
  const child = spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (bytes: Buffer) => (output.stdout += String(bytes)))
  child.stderr.on('data', (bytes: Buffer) => (output.stderr += String(bytes)))
  return { child, output }
}
const codeOf = async (child: ChildProcess): Promise<unknown> => (await once(child, 'close'))[0]

describe.skipIf(reason !== undefined)("an agent's process", () => {
  const top = mkdtempSync(join(tmpdir(), 'drover-agent-main-'))
  const folder = join(top, 'agent')
  let controlPlane: Awaited<ReturnType<typeof smallControlPlane>>
  let server: ServerType
  let token: string

  beforeAll(async () => {
    controlPlane = await smallControlPlane(systemClock)
    server = serve({ fetch: controlPlane.serve, port: 0, hostname: '127.0.0.1' })
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const pool = join(top, 'pool')
    await initPool({ folder: pool, kind: 'copy', storageMinimalAvailablePercentage: 0 })
    const joinToken = await controlPlane.joinToken()
    const config = await joinNode({
      url: `http://127.0.0.1:${port}`,
      joinToken,
      node: 'node-1',
      pool,
      folder,
    })
    token = config.token
  })
  afterAll(() => {
    server?.close()
    rmSync(top, { recursive: true })
  })

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'works until %s, logs lines of JSON, and ends well',
    async (signal) => {
      const { child, output } = run('--folder', folder)
      const volume = `volume-${signal.toLowerCase()}`
      const { id } = await controlPlane.issue('create-volume', volume, { sizeBytes: 12 * MiB })
      expect(await controlPlane.ended(id)).toMatchObject({ state: 'succeeded' })
      expect(readFileSync(`/proc/${child.pid}/cmdline`, 'utf8')).not.toContain(token)
      const ended = codeOf(child)
      child.kill(signal)
      expect(await ended).toBe(0)
      expect(output.stdout).toBe('')
      const events = output.stderr
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).event)
      expect(events).toEqual(expect.arrayContaining(['agent started', 'operation begun', 'agent stopped']))
      expect(output.stderr).not.toContain(token)
    },
  )

  it('that was killed takes no command with it: the next start gets it at once', async () => {
    const waits = () => controlPlane.asked.filter((path) => path.endsWith('/receive')).length
    const killed = run('--folder', folder)
    const before = waits()
    while (waits() === before) await systemClock.sleep(5)
    const ended = codeOf(killed.child)
    killed.child.kill('SIGKILL')
    await ended
    await systemClock.sleep(150)
    const { id } = await controlPlane.issue('create-volume', 'after', { sizeBytes: 12 * MiB })
    // A long poll that is still waited for on the other side would be given it.
    await systemClock.sleep(150)
    const issuedMs = Date.now()
    const next = run('--folder', folder)
    expect(await controlPlane.ended(id)).toMatchObject({ state: 'succeeded' })
    expect(Date.now() - issuedMs).toBeLessThan(20_000)
    next.child.kill('SIGTERM')
    expect(await codeOf(next.child)).toBe(0)
  })

  it('says why it cannot start, and what to do', async () => {
    const nowhere = run('--folder', join(top, 'nowhere'))
    expect(await codeOf(nowhere.child)).toBe(1)
    expect(nowhere.output.stderr).toContain('hint: make this machine a node with: drover node join')
    const without = run()
    expect(await codeOf(without.child)).toBe(1)
    expect(without.output.stderr).toMatch(/^drover agent: .*\n {2}hint: .*DROVER_AGENT\n$/)
  })

  it('shows its usage', async () => {
    const { child, output } = run('--help')
    expect(await codeOf(child)).toBe(0)
    expect(output).toMatchObject({ stdout: expect.stringContaining('--folder <folder>'), stderr: '' })
  })
})
