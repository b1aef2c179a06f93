import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { s3Credentials } from './s3-credentials.ts'

const folder = mkdtempSync(join(tmpdir(), 's3-credentials-'))
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => {
  vi.unstubAllEnvs()
})

const resolved = async (settings: Parameters<typeof s3Credentials>[0]) => {
  const credentials = s3Credentials(settings)
  return typeof credentials === 'function' ? credentials() : credentials
}

describe('s3Credentials', () => {
  it('takes keys as they are given, before any profile', async () => {
    const keys = { accessKeyId: 'id', secretAccessKey: 'secret', sessionToken: undefined }
    expect(await resolved({ keys, profile: 'work' })).toEqual({
      accessKeyId: 'id',
      secretAccessKey: 'secret',
    })
    expect(await resolved({ keys: { ...keys, sessionToken: 'token' }, profile: undefined })).toEqual({
      accessKeyId: 'id',
      secretAccessKey: 'secret',
      sessionToken: 'token',
    })
  })

  it('reads a profile of the shared credentials file', async () => {
    const file = join(folder, 'credentials')
    writeFileSync(file, '[work]\naws_access_key_id = of-work\naws_secret_access_key = secret\n')
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file)
    expect(await resolved({ keys: undefined, profile: 'work' })).toMatchObject({ accessKeyId: 'of-work' })
  })

  it('takes what the machine has when nothing is given', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'of-the-machine')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
    expect(await resolved({ keys: undefined, profile: undefined })).toMatchObject({
      accessKeyId: 'of-the-machine',
    })
  })
})
