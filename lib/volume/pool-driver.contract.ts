/**
 * @module pool-driver.contract: what every driver does alike, on the file system that it is for.
 */
import { mkdirSync, mkdtempSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { MiB } from '#lib/base/sizes.ts'
import { run } from '#test/pool-file-system.ts'
import { differingUnits, expectSame, failure, letters, unitsOf, writeAt } from './pool-fixture.contract.ts'
import { imageOf, type PoolDriver } from './pool-driver.ts'

export interface PoolDriverContract {
  driver: PoolDriver
  /** Where its layers may be. */
  folder: () => string
}

const sizeBytes = 10 * MiB

interface Layers {
  driver: PoolDriver
  /** Layer `head`, and where others may be. */
  begin: () => Promise<{ head: string; at: (name: string) => string }>
}

const cloneContract = ({ driver, begin }: Layers): void => {
  it('makes a layer of zeros that takes no room', async () => {
    const { head } = await begin()
    expectSame(readFileSync(imageOf(head)), Buffer.alloc(sizeBytes))
    expect(statSync(imageOf(head)).blocks * 512).toBeLessThan(MiB)
  })

  it('clones what a layer is, holes too, and neither changes the other', async () => {
    const { head, at } = await begin()
    writeAt(imageOf(head), 3 * MiB, letters('a', MiB))
    const content = readFileSync(imageOf(head))
    await driver.cloneLayer(head, at('snap'), { isReadOnly: true })
    await driver.settleLayer(at('snap'))
    await driver.cloneLayer(at('snap'), at('branch'), { isReadOnly: false })
    await driver.settleLayer(at('branch'))
    writeAt(imageOf(head), 0, letters('b', sizeBytes))
    writeAt(imageOf(at('branch')), 3 * MiB, letters('c', MiB))
    expectSame(readFileSync(imageOf(at('snap'))), content)
    expectSame(readFileSync(imageOf(head)), letters('b', sizeBytes))
    expect(statSync(imageOf(at('snap'))).blocks * 512).toBeLessThan(3 * MiB)
  })

  it('takes no room for a clone at first, where it shares blocks', async () => {
    const { head, at } = await begin()
    writeAt(imageOf(head), 0, letters('a', 4 * MiB))
    await driver.cloneLayer(head, at('snap'), { isReadOnly: true })
    await driver.settleLayer(at('snap'))
    const own = await driver.ownBytes(at('snap'))
    if (driver.sharesBlocks) expect(own).toBeLessThan(MiB)
    else expect(own).toBeGreaterThanOrEqual(4 * MiB)
    writeAt(imageOf(head), 0, letters('b', 4 * MiB))
    expect(await driver.ownBytes(at('snap'))).toBeGreaterThanOrEqual(4 * MiB)
  })

  it('makes a snapshot that nobody writes to by mistake', async () => {
    const { head, at } = await begin()
    await driver.cloneLayer(head, at('snap'), { isReadOnly: true })
    await driver.cloneLayer(at('snap'), at('branch'), { isReadOnly: false })
    if (driver.kind === 'btrfs')
      expect(run('btrfs', 'property', 'get', at('snap'), 'ro').trim()).toBe('ro=true')
    else expect(statSync(imageOf(at('snap'))).mode & 0o777).toBe(0o400)
    // What is made from it can be written again, by others than root too.
    expect(statSync(imageOf(at('branch'))).mode & 0o200).toBe(0o200)
  })
}

const removalContract = ({ driver, begin }: Layers): void => {
  it('removes a layer, half a layer, or none', async () => {
    const { head, at } = await begin()
    await driver.cloneLayer(head, at('snap'), { isReadOnly: true })
    await driver.removeLayer(at('snap'))
    await driver.removeLayer(at('snap'))
    expect(() => statSync(at('snap'))).toThrow('ENOENT')
    if (driver.kind === 'btrfs') run('btrfs', 'subvolume', 'create', at('half'))
    else mkdirSync(at('half'))
    await driver.removeLayer(at('half'))
    expect(() => statSync(at('half'))).toThrow('ENOENT')
    expectSame(readFileSync(imageOf(head)), Buffer.alloc(sizeBytes))
  })
}

const identityContract = ({ driver, begin }: Layers): void => {
  it('tells a layer from every other, also from one made in its place', async () => {
    const { head, at } = await begin()
    const seen = new Set([await driver.identityOf(head)])
    for (let count = 0; count < 5; count++) {
      await driver.cloneLayer(head, at('snap'), { isReadOnly: true })
      const identity = await driver.identityOf(at('snap'))
      expect(await driver.identityOf(at('snap'))).toBe(identity)
      expect(seen).not.toContain(identity)
      seen.add(identity)
      await driver.removeLayer(at('snap'))
    }
  })

  it('keeps its identity while its content changes, or it moves', async () => {
    const { head, at } = await begin()
    const identity = await driver.identityOf(head)
    writeAt(imageOf(head), 0, letters('a', MiB))
    run('mv', head, at('moved'))
    expect(await driver.identityOf(at('moved'))).toBe(identity)
  })
}

const changeContract = ({ driver, begin }: Layers): void => {
  it('tells what changed between clones, either way', async () => {
    const { head, at } = await begin()
    const names = ['one', 'two', 'three']
    for (const [index, name] of names.entries()) {
      writeAt(imageOf(head), index * 3 * MiB + 1000, letters(name, 20_000))
      writeAt(imageOf(head), 9 * MiB, letters(name, 8192))
      await driver.cloneLayer(head, at(name), { isReadOnly: true })
      await driver.settleLayer(at(name))
    }
    const [one, two, three] = names.map(at) as [string, string, string]
    for (const [base, layer] of [
      [one, two],
      [two, three],
      [one, three],
      [three, one],
      [two, two],
    ] as const) {
      const told = await unitsOf(driver.changedExtents(base, layer), sizeBytes)
      expect(told).toEqual(differingUnits(readFileSync(imageOf(base)), readFileSync(imageOf(layer))))
    }
  })

  it('refuses a layer that is not there', async () => {
    const { head, at } = await begin()
    for (const [base, layer] of [
      [head, at('none')],
      [at('none'), head],
    ] as const)
      await expect(unitsOf(driver.changedExtents(base, layer), sizeBytes)).rejects.toEqual(
        failure('layer-damaged'),
      )
  })
}

export const poolDriverContract = (name: string, { driver, folder }: PoolDriverContract): void => {
  describe(`${name} driver`, () => {
    const begin = async () => {
      const top = mkdtempSync(join(folder(), 'driver-'))
      const volumes = join(top, 'volumes')
      await driver.prepare(volumes)
      const at = (layer: string) => join(volumes, layer)
      await driver.makeLayer(at('head'), sizeBytes)
      return { head: at('head'), at }
    }
    const layers: Layers = { driver, begin }
    cloneContract(layers)
    removalContract(layers)
    identityContract(layers)
    changeContract(layers)
  })
}
