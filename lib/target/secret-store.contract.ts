/**
 * @module secret-store.contract: what every secret store does. Each adapter's test runs it.
 */
import { beforeEach, describe, expect, it } from 'vitest'
import type { SecretStore } from './secret-store.ts'

export interface SecretStoreUnderTest {
  /** An empty one. */
  open(): Promise<SecretStore>
}

const canary = 'canary-7d1f'
const keys = { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: canary }

export const secretStoreContract = (name: string, { open }: SecretStoreUnderTest): void => {
  describe(`${name} as a secret store`, () => {
    let store: SecretStore
    beforeEach(async () => {
      store = await open()
    })

    it('has nothing at first', async () => {
      expect(await store.names()).toEqual([])
      expect(await store.get('minio')).toBe(undefined)
      expect(await store.get('constructor')).toBe(undefined)
      await store.remove('minio')
    })

    it('keeps each by its name, replaces it, and removes it', async () => {
      await store.put('nas', { AWS_PROFILE: 'nas' })
      await store.put('minio', { ...keys, AWS_ENDPOINTS: 'http://127.0.0.1:9000', AWS_PROFILE: undefined })
      expect(await store.names()).toEqual(['minio', 'nas'])
      expect(await store.get('minio')).toStrictEqual({ ...keys, AWS_ENDPOINTS: 'http://127.0.0.1:9000' })
      await store.put('minio', keys)
      expect(await store.get('minio')).toStrictEqual(keys)
      await store.remove('minio')
      expect(await store.names()).toEqual(['nas'])
      expect(await store.get('minio')).toBe(undefined)
    })

    it('keeps a copy, and what it does not know', async () => {
      const mine: Record<string, string> = { AWS_SIGN_ACCEPT_ENCODING: 'arn:aws:iam::1:role/backups' }
      await store.put('role', mine)
      mine['AWS_SIGN_ACCEPT_ENCODING'] = 'another'
      expect(await store.get('role')).toEqual({ AWS_SIGN_ACCEPT_ENCODING: 'arn:aws:iam::1:role/backups' })
    })

    it('keeps all that are put at once', async () => {
      const names = Array.from({ length: 20 }, (_, index) => `secret-${String(index).padStart(2, '0')}`)
      await Promise.all(names.map((each) => store.put(each, keys)))
      expect(await store.names()).toEqual(names)
    })

    it.each([
      ['half of a pair', { AWS_SECRET_ACCESS_KEY: canary }],
      ['a key with a newline', { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: `${canary}\n` }],
      ['no URL', { AWS_ENDPOINTS: `http://user:${canary}@127.0.0.1:9000` }],
    ])('refuses %s without telling it, and keeps what was there', async (_, settings) => {
      await store.put('minio', keys)
      const refused = await store.put('minio', settings).catch((error: unknown) => error)
      expect(refused).toMatchObject({ code: 'invalid-settings' })
      expect(String(refused) + JSON.stringify(refused)).not.toContain(canary)
      expect(await store.get('minio')).toEqual(keys)
    })

    it.each(['', '__proto__', 'a/b', 'Minio', '-x', 'a'.repeat(254)])(
      'refuses the name %j',
      async (wrong) => {
        await expect(store.put(wrong, keys)).rejects.toMatchObject({ code: 'invalid-name' })
        expect(await store.names()).toEqual([])
      },
    )
  })
}
