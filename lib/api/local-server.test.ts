import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readLocalServer, writeLocalServer } from './local-server.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-local-server-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const here = { url: 'http://127.0.0.1:8780', token: 'drover_abc' }

describe('server.json', () => {
  it('tells where the service is, and its token, to its owner alone', async () => {
    const data = join(folder, 'data')
    await writeLocalServer(data, here)
    await writeLocalServer(data, here)
    expect(await readLocalServer(data)).toEqual(here)
    expect(await readFile(join(data, 'server.json'), 'utf8')).not.toContain(here.token)
    for (const name of ['server.json', 'admin-token'])
      expect((await stat(join(data, name))).mode & 0o777).toBe(0o600)
  })

  it('is missing where no service ever ran', async () => {
    expect(await readLocalServer(folder)).toBeUndefined()
    expect(await readLocalServer(join(folder, 'nothing'))).toBeUndefined()
  })

  it.each([
    'rubbish',
    '{"format":2,"url":"http://127.0.0.1:8780","tokenFile":"admin-token"}',
    '{"format":1,"url":"file:///etc/passwd","tokenFile":"admin-token"}',
    '{"format":1,"url":"http://127.0.0.1:8780","tokenFile":"../secret"}',
    '{"format":1,"url":"http://127.0.0.1:8780","tokenFile":"/etc/hostname"}',
  ])('is refused when it says %s', async (text) => {
    await writeFile(join(folder, 'server.json'), text)
    await writeFile(join(folder, 'admin-token'), here.token)
    await expect(readLocalServer(folder)).rejects.toMatchObject({ code: 'damaged' })
  })

  it('sends nothing that is no token, wherever its file leads', async () => {
    await writeLocalServer(folder, here)
    await rm(join(folder, 'admin-token'))
    await expect(readLocalServer(folder)).rejects.toMatchObject({ code: 'damaged' })
    await writeFile(join(folder, 'key'), '-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n')
    await symlink('key', join(folder, 'admin-token'))
    await expect(readLocalServer(folder)).rejects.toMatchObject({ code: 'damaged' })
  })

  it.skipIf(process.getuid?.() === 0)(
    "says so when it is another user's (root reads all: skipped)",
    async () => {
      await writeLocalServer(folder, here)
      await chmod(join(folder, 'server.json'), 0)
      await expect(readLocalServer(folder)).rejects.toMatchObject({ code: 'not-readable' })
    },
  )
})
