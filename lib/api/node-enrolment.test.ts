import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { joinNode, readAgentConfig, writeAgentConfig, type AgentConfig } from './node-enrolment.ts'

const top = mkdtempSync(join(tmpdir(), 'drover-enrolment-'))
afterAll(() => rmSync(top, { recursive: true }))
const newFolder = () => join(mkdtempSync(join(top, 'folder-')), 'agent')

const config: AgentConfig = {
  format: 1,
  url: 'http://127.0.0.1:8780',
  node: 'node-1',
  cluster: 'primary',
  token: 'drover_node',
  pool: '/var/lib/drover/pool',
}
const answering =
  (status: number, body: unknown, seen: unknown[] = []): typeof globalThis.fetch =>
  async (input, init) => {
    seen.push(input, init?.headers, init?.body)
    const headers = { 'content-type': status < 400 ? 'application/json' : 'application/problem+json' }
    return new Response(JSON.stringify(body), { status, headers })
  }
const joining = (folder: string, fetch: typeof globalThis.fetch) =>
  joinNode({ url: config.url, joinToken: 'drover_join', node: 'node-1', pool: config.pool, folder, fetch })
const joined = { node: 'node-1', cluster: 'primary', token: 'drover_node' }

describe("an agent's config", () => {
  it('is written for its owner alone, and read back', async () => {
    const folder = newFolder()
    await writeAgentConfig(folder, config)
    expect(await readAgentConfig(folder)).toEqual(config)
    expect(statSync(join(folder, 'agent.json')).mode & 0o777).toBe(0o600)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
  })

  it('that is not there or damaged is told, and never its token', async () => {
    const folder = newFolder()
    await expect(readAgentConfig(folder)).rejects.toMatchObject({
      code: 'not-joined',
      hint: expect.stringContaining('drover node join'),
    })
    await writeAgentConfig(folder, config)
    for (const text of ['{"token":"secret-token', '"secret-token"', '{"format":2,"token":"secret-token"}']) {
      writeFileSync(join(folder, 'agent.json'), text)
      const error = await readAgentConfig(folder).catch((failure: unknown) => failure)
      expect(error).toMatchObject({ code: 'config-damaged' })
      expect(JSON.stringify(error) + String(error) + String(Object(error).cause)).not.toContain(
        'secret-token',
      )
    }
  })
})

describe('joinNode', () => {
  it('asks with its token, and writes the config', async () => {
    const folder = newFolder()
    const seen: unknown[] = []
    expect(await joining(folder, answering(201, joined, seen))).toEqual(config)
    expect(seen).toEqual([
      new URL('http://127.0.0.1:8780/v1/nodes/join'),
      expect.objectContaining({ authorization: 'Bearer drover_join' }),
      '{"node":"node-1"}',
    ])
    expect(await readAgentConfig(folder)).toEqual(config)
    expect(readFileSync(join(folder, 'agent.json'), 'utf8')).not.toContain('drover_join')
  })

  it('uses up no token for a folder that will not do', async () => {
    const seen: unknown[] = []
    const folder = newFolder()
    await writeAgentConfig(folder, config)
    await expect(joining(folder, answering(201, joined, seen))).rejects.toMatchObject({
      code: 'already-joined',
    })
    const inTheWay = newFolder()
    writeFileSync(inTheWay, '')
    await expect(joining(join(inTheWay, 'agent'), answering(201, joined, seen))).rejects.toMatchObject({
      code: 'folder-failed',
    })
    expect(seen).toEqual([])
  })

  it('tells what the control plane refuses, and leaves no config', async () => {
    const folder = newFolder()
    mkdirSync(folder)
    const problem = (status: number, code: string) =>
      answering(status, { type: 'about:blank', title: 'x', status, detail: 'because', code, hint: 'do' })
    await expect(joining(folder, problem(401, 'unauthenticated'))).rejects.toMatchObject({
      code: 'token-refused',
      hint: expect.stringContaining('drover node token'),
    })
    await expect(joining(folder, problem(409, 'exists'))).rejects.toMatchObject({
      code: 'exists',
      hint: 'do',
    })
    await expect(readAgentConfig(folder)).rejects.toMatchObject({ code: 'not-joined' })
  })
})
