import { describe, expect, it } from 'vitest'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { controlPlaneOnMemory } from '#test/control-plane-on-memory.ts'

const dayMs = 24 * 3600_000

describe('reconcile', () => {
  it('fails what nothing was heard of, and does what follows', async () => {
    const plane = await controlPlaneOnMemory()
    const key = catalogKeys.volume('primary', 'web')
    await plane.things.volumes.change(key, (there) => there && { ...there, state: 'creating' })
    await plane.operations.add({ id: 'op-1', kind: 'create-volume', parameters: { sizeBytes: 2 ** 30 } })
    await plane.handlers.reconcile({ source: 'aws.events' })
    expect(await plane.volume()).toMatchObject({ state: 'creating' })
    plane.clock.advance(dayMs)
    await plane.handlers.reconcile({ source: 'aws.events' })
    expect(await plane.operations.get('op-1')).toMatchObject({
      state: 'failed',
      failure: { code: 'expired' },
    })
    expect(await plane.volume()).toBe(undefined)
  })

  it('makes each check, whatever became of those before, and throws at the end', async () => {
    const made: string[] = []
    const check = (name: string, fault?: Error) => async () => {
      made.push(name)
      if (fault) throw fault
    }
    const checks = [
      check('first', new Error('one is wrong')),
      check('second'),
      check('third', new Error('two')),
    ]
    const plane = await controlPlaneOnMemory({ checks })
    await expect(plane.handlers.reconcile(undefined)).rejects.toMatchObject({
      code: 'incomplete',
      message: 'check failed: Error: one is wrong; check failed: Error: two',
    })
    expect(made).toEqual(['first', 'second', 'third'])
    expect(plane.errors().map(({ event }) => event)).toEqual([
      'check failed',
      'check failed',
      'function failed',
    ])
  })
})
