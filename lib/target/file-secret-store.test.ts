import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openFileSecretStore } from './file-secret-store.ts'
import { secretStoreContract } from './secret-store.contract.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-secrets-'))
  path = join(folder, 'secrets.json')
})
afterEach(() => rm(folder, { recursive: true }))

secretStoreContract('a file', { open: () => openFileSecretStore(path) })

describe('a file of secrets', () => {
  const keys = { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 'canary-7d1f' }

  it('can be read by its owner alone, whatever the umask', async () => {
    const before = process.umask(0)
    try {
      const store = await openFileSecretStore(path)
      await store.put('minio', keys)
      expect((await stat(path)).mode & 0o777).toBe(0o600)
    } finally {
      process.umask(before)
    }
  })

  it('is there again when it is opened again', async () => {
    await (await openFileSecretStore(path)).put('minio', keys)
    expect(await (await openFileSecretStore(path)).get('minio')).toEqual(keys)
  })

  it.each([0o640, 0o604, 0o620, 0o666])(
    'of mode %o is refused, also when it was opened before',
    async (mode) => {
      const store = await openFileSecretStore(path)
      await store.put('minio', keys)
      await chmod(path, mode)
      const refusal = { code: 'open-to-others', hint: expect.stringContaining(`chmod 600 ${path}`) }
      await expect(openFileSecretStore(path)).rejects.toMatchObject(refusal)
      await expect(store.get('minio')).rejects.toMatchObject(refusal)
      await expect(store.put('nas', keys)).rejects.toMatchObject(refusal)
      await chmod(path, 0o600)
      expect(await store.names()).toEqual(['minio'])
    },
  )

  it.each(['{"minio":{"AWS_SECRET_ACCESS_KEY":"canary-7d1f"', '{"minio":"canary-7d1f"}', ''])(
    'that is none is refused without a word of what is in it',
    async (text) => {
      await writeFile(path, text, { mode: 0o600 })
      const refused = await openFileSecretStore(path).catch((error: unknown) => error)
      expect(refused).toMatchObject({ code: 'damaged' })
      expect(inspect(refused, { depth: 9 })).not.toContain('canary')
    },
  )
})
