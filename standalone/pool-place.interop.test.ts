import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { GiB } from '#lib/base/sizes.ts'
import { openPool } from '#lib/volume/pool.ts'
import { noPools } from '#test/pool-file-system.ts'
import { placePool, releasePool } from './pool-place.ts'

const reason = noPools()
if (reason) console.log(`skipped: pools beside the service: ${reason}`)

describe.skipIf(reason !== undefined)('placePool', () => {
  let parent: string
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'drover-place-'))
  })
  afterEach(async () => {
    await releasePool(parent)
    await rm(parent, { recursive: true })
  })

  it('makes a Btrfs pool in an image, and mounts it again with what is in it', async () => {
    const placed = await placePool(parent, { imageBytes: GiB })
    expect(placed.description).toBe('btrfs pool, 1 GiB')
    const pool = await openPool({ folder: placed.folder })
    await pool.createVolume({ name: 'web', sizeBytes: 64 * 1024 * 1024 })
    await pool.close()
    await releasePool(parent)
    expect(existsSync(join(placed.folder, 'pool.json'))).toBe(false)
    expect(await placePool(parent, { imageBytes: GiB })).toEqual(placed)
    const again = await openPool({ folder: placed.folder })
    expect((await again.listVolumes()).map(({ name }) => name)).toEqual(['web'])
    await again.close()
  })

  it('goes on with an image that a crash left without a pool in it', async () => {
    await placePool(parent, { imageBytes: GiB })
    execFileSync('rm', [join(parent, 'pool/pool.json')])
    await releasePool(parent)
    await writeFile(join(parent, 'pool.img.tmp'), 'half of one')
    expect((await placePool(parent, { imageBytes: GiB })).description).toMatch(/^btrfs pool/)
  })

  it('makes a copy pool where there is too little room for an image, and keeps to it', async () => {
    const placed = await placePool(parent, { imageBytes: 0 })
    expect(placed.description).toMatch(/^copy pool \(no Btrfs: too little is free/)
    expect((await placePool(parent, { imageBytes: GiB })).description).toBe('copy pool')
    expect(existsSync(join(parent, 'pool.img'))).toBe(false)
  })

  it('never makes a second pool in place of one that cannot be mounted', async () => {
    await writeFile(join(parent, 'pool.img'), 'no file system')
    await expect(placePool(parent)).rejects.toMatchObject({ code: 'pool-not-mounted' })
    expect(existsSync(join(parent, 'pool/pool.json'))).toBe(false)
  })
})
