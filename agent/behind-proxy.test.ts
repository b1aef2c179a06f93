/**
 * `drover node join` and `drover-agent` as processes of their own, on a machine that reaches the service through a proxy alone.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#lib/base/clock.ts'
import { initPool } from '#lib/volume/pool.ts'
import { drover } from '#test/drover-process.ts'
import { smallControlPlane } from '#test/small-control-plane.ts'
import { tlsBehindProxy, type TlsBehindProxy } from '#test/tls-behind-proxy.ts'
import { proxyEnvironment } from '../scripts/proxy-environment.mjs'

const hasOpenssl = spawnSync('openssl', ['version']).status === 0
const reason =
  process.platform !== 'linux' ? 'pools need Linux' : hasOpenssl ? undefined : 'openssl is not installed'
if (reason !== undefined) console.log(`an agent behind a proxy is not tested: ${reason}`)

describe.skipIf(reason !== undefined)('behind a proxy', () => {
  const top = mkdtempSync(join(tmpdir(), 'drover-behind-proxy-'))
  const [folder, pool] = [join(top, 'agent'), join(top, 'pool')]
  let controlPlane: Awaited<ReturnType<typeof smallControlPlane>>
  let service: TlsBehindProxy
  beforeAll(async () => {
    controlPlane = await smallControlPlane(systemClock)
    service = await tlsBehindProxy(top, controlPlane.serve)
    await initPool({ folder: pool, kind: 'copy', storageMinimalAvailablePercentage: 0 })
  })
  beforeEach(() => {
    service.connected.length = 0
  })
  afterAll(async () => {
    await service?.stop()
    rmSync(top, { recursive: true })
  })

  const joining = (env: NodeJS.ProcessEnv) =>
    drover(
      top,
      ['node', 'join', '--url', service.url, '--name', 'node-1', '--pool', pool, '--folder', folder],
      {
        DROVER_JOIN_TOKEN: 'drover_unknown',
        ...env,
      },
    )
  const throughProxy = () => ({ HTTPS_PROXY: service.proxyUrl, NODE_EXTRA_CA_CERTS: service.caPath })

  it('a node joins, and nothing but its own token is on its disk', async () => {
    const joinToken = await controlPlane.joinToken()
    const ended = await joining({ ...throughProxy(), DROVER_JOIN_TOKEN: joinToken })
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(service.connected).toEqual(['drover.test:443'])
    const config = join(folder, 'agent.json')
    expect(statSync(config).mode & 0o777).toBe(0o600)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    expect(Object.keys(JSON.parse(readFileSync(config, 'utf8'))).toSorted()).toEqual([
      'cluster',
      'format',
      'node',
      'pool',
      'token',
      'url',
    ])
    expect(readFileSync(config, 'utf8')).not.toContain(joinToken)
  })

  it('its agent is heard', async () => {
    const program = join(import.meta.dirname, 'drover-agent.mjs')
    const child = spawn(process.execPath, [program, '--folder', folder], {
      env: { PATH: process.env['PATH'], ...throughProxy() },
      stdio: 'ignore',
    })
    const ended = once(child, 'close')
    const isHeard = () => controlPlane.asked.some((path) => path.endsWith('/heartbeat'))
    for (let tries = 0; tries < 400 && !isHeard(); tries++) await systemClock.sleep(50)
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    expect(isHeard()).toBe(true)
    expect(new Set(service.connected)).toEqual(new Set(['drover.test:443']))
  })

  it.each([
    ['without a proxy', () => ({ NODE_EXTRA_CA_CERTS: service.caPath }), 'ENOTFOUND|EAI_AGAIN'],
    ['with NO_PROXY', () => ({ ...throughProxy(), NO_PROXY: 'drover.test' }), 'ENOTFOUND|EAI_AGAIN'],
    [
      'with NODE_USE_ENV_PROXY=0',
      () => ({ ...throughProxy(), NODE_USE_ENV_PROXY: '0' }),
      'ENOTFOUND|EAI_AGAIN',
    ],
  ])('%s the service is not found', async (_how, env, says) => {
    rmSync(folder, { recursive: true, force: true })
    const { code, stderr } = await joining(env())
    expect({ code, connected: service.connected }).toEqual({ code: 6, connected: [] })
    expect(stderr).toMatch(new RegExp(says))
  })

  it('a certificate of a private authority is refused until that is named, and it says how', async () => {
    rmSync(folder, { recursive: true, force: true })
    const { code, stderr } = await joining({ HTTPS_PROXY: service.proxyUrl })
    expect(code).toBe(6)
    expect(stderr).toMatch(/does not answer: (DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE)/)
    expect(stderr).toContain('set NODE_EXTRA_CA_CERTS')
  })

  it('a service on this machine is reached without it', async () => {
    const { stderr } = await drover(top, ['cluster', 'list', '--url', service.proxyUrl], {
      HTTP_PROXY: service.proxyUrl,
      HTTPS_PROXY: service.proxyUrl,
      DROVER_TOKEN: 'drover_unknown',
    })
    // The proxy's own answer to what asks it for no connection.
    expect(stderr).toContain('answered with status 405')
    expect(service.connected).toEqual([])
  })

  it('a proxy that is none is told', async () => {
    const { code, stderr } = await joining({ HTTPS_PROXY: 'proxy.example.com:3128:8' })
    expect(code).toBe(1)
    expect(stderr).toContain('hint: write HTTPS_PROXY')
  })
})

describe("Node's environment for a proxy", () => {
  const machine = 'localhost,127.0.0.1,::1,[::1]'

  it.each([
    [{}, undefined],
    [{ HTTPS_PROXY: '' }, undefined],
    [{ NO_PROXY: 'x' }, undefined],
    [{ HTTPS_PROXY: 'http://p', NODE_USE_ENV_PROXY: '0' }, undefined],
    [{ HTTPS_PROXY: 'http://p' }, { no_proxy: machine, NO_PROXY: machine }],
    [{ https_proxy: 'http://p', no_proxy: 'a,b' }, { no_proxy: `a,b,${machine}` }],
    [{ http_proxy: 'http://p', NO_PROXY: 'a' }, { no_proxy: `a,${machine}` }],
  ])('of %j has what Node is to be told', (env, more) => {
    const made = proxyEnvironment(env)
    if (more) expect(made).toMatchObject({ ...more, NODE_USE_ENV_PROXY: '1' })
    else expect(made).toBeUndefined()
  })
})
