import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '#lib/base/log.ts'
import { catalog } from '#lib/catalog/catalog.ts'
import { memoryItemStore } from '#lib/catalog/memory-item-store.ts'
import { memorySecretStore } from '#lib/target/memory-secret-store.ts'
import { idleClock } from '#test/idle-clock.ts'
import { reachTargets } from './reach-targets.ts'

describe('a target that is a folder', () => {
  let top: string
  beforeEach(async () => {
    top = await mkdtemp(join(tmpdir(), 'drover-reach-'))
  })
  afterEach(() => rm(top, { recursive: true, force: true }))

  const open = (settings: { hasFolders?: boolean }) => {
    const deps = {
      catalog: catalog(memoryItemStore()),
      secrets: memorySecretStore(),
      sessions: () => Promise.reject(new Error('no STS')),
      clock: idleClock(),
      log: silentLog,
    }
    return reachTargets(deps, { env: {}, ...settings }).openTarget({
      name: 'nas',
      url: `file://${top}/new/`,
      credential: null,
      reachedBy: null,
      createdAt: '2026-01-01T00:00:00Z',
      indexedAt: null,
      failure: null,
    })
  }

  it('is made when it is new', async () => {
    await open({})
    expect(existsSync(join(top, 'new'))).toBe(true)
  })

  it('is refused where no folder stays', async () => {
    await expect(open({ hasFolders: false })).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('target nas is a folder'),
      hint: expect.stringContaining('s3://'),
    })
    expect(existsSync(join(top, 'new'))).toBe(false)
  })
})
