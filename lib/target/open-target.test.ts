import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTarget } from './open-target.ts'
import { probeTarget } from './probe-target.ts'
import { parseTargetUrl } from './target-url.ts'

const root = mkdtempSync(join(tmpdir(), 'open-target-'))
afterAll(() => rmSync(root, { recursive: true }))

const keys = { AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' }
const emptyListing =
  '<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>'

describe('openTarget of s3', () => {
  let server: Server
  let address: string
  const requests: IncomingMessage[] = []

  beforeEach(async () => {
    requests.length = 0
    server = createServer((request, response) => {
      requests.push(request)
      response.end(emptyListing)
    })
    server.on('connect', (request: IncomingMessage, socket) => {
      requests.push(request)
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const bound = server.address()
    address = `127.0.0.1:${typeof bound === 'object' ? bound?.port : bound}`
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  const target = parseTargetUrl('s3://backups@eu-west-3/path/')

  it('asks the endpoint for keys below the path, in path style, signed for the region', async () => {
    const store = openTarget(target, { env: { ...keys, AWS_ENDPOINTS: `http://${address}` } })
    expect(store.description).toBe('s3://backups@eu-west-3/path/')
    expect(await probeTarget(store)).toEqual({ reachable: true, isEmpty: true })
    const url = new URL(requests[0]?.url ?? '', 'http://server')
    expect(url.pathname).toMatch(/^\/backups\/?$/)
    expect(url.searchParams.get('prefix')).toBe('path/backupstore/volumes/')
    expect(requests[0]?.headers.authorization).toMatch(/Credential=AKIAEXAMPLE\/\d{8}\/eu-west-3\/s3\//)
  })

  it('goes through the proxy', async () => {
    const env = { ...keys, AWS_ENDPOINTS: 'http://minio.test:9000', HTTP_PROXY: address }
    expect(await probeTarget(openTarget(target, { env }))).toMatchObject({ reachable: true })
    expect(requests[0]?.url).toMatch(/^http:\/\/minio\.test:9000\/backups/)
  })

  it("asks AWS's own address of the bucket without an endpoint", async () => {
    const store = openTarget(target, { env: { ...keys, HTTPS_PROXY: address } })
    expect(await probeTarget(store, { deadlineMs: 5_000 })).toMatchObject({ reachable: false })
    expect(requests[0]?.url).toBe('backups.s3.eu-west-3.amazonaws.com:443')
  })

  it('refuses settings that cannot be right', () => {
    expect(() => openTarget(target, { env: { AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE' } })).toThrow(
      expect.objectContaining({ code: 'invalid-settings' }),
    )
  })
})

describe('openTarget of a folder', () => {
  it('opens one that is there, whatever the settings for s3 are', async () => {
    const store = openTarget({ kind: 'folder', path: root }, { env: { AWS_ACCESS_KEY_ID: 'alone' } })
    expect(store.description).toBe(`file://${root}/`)
    expect(await probeTarget(store)).toEqual({ reachable: true, isEmpty: true })
  })

  it('refuses one that is not there, with the command that makes it', () => {
    const path = join(root, "it's not")
    expect(() => openTarget({ kind: 'folder', path }, { env: {} })).toThrow(
      expect.objectContaining({
        code: 'no-folder',
        message: `no folder ${path}`,
        hint: expect.stringContaining(`mkdir -p '${root}/it'\\''s not'`),
      }),
    )
    expect(existsSync(path)).toBe(false)
  })

  it('makes it when asked to, for its owner alone', () => {
    const path = join(root, 'a/b')
    openTarget({ kind: 'folder', path }, { env: {}, createFolder: true })
    expect(statSync(path).mode & 0o777).toBe(0o700)
  })

  it.each([true, false])('refuses a file (createFolder: %s)', (createFolder) => {
    const path = join(root, 'file')
    writeFileSync(path, '')
    expect(() => openTarget({ kind: 'folder', path }, { env: {}, createFolder })).toThrow(
      expect.objectContaining({ code: 'no-folder' }),
    )
  })
})

describe('openTarget of nfs', () => {
  it('says how to mount it instead', () => {
    const target = parseTargetUrl('nfs://server:/export?nfsOptions=soft,timeo=100')
    expect(() => openTarget(target, { env: {} })).toThrow(
      expect.objectContaining({
        code: 'unsupported',
        hint: expect.stringContaining('mount -t nfs4 -o soft,timeo=100 server:/export /mnt/backups'),
      }),
    )
  })
})
