import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Operation } from '#lib/operation/operation.ts'
import { queuedOperation } from '#test/queued-operation.ts'
import { catalog } from './catalog.ts'
import { catalogKeys, sortPrefix } from './catalog-keys.ts'
import type { ItemKey } from './item-store.ts'
import { memoryItemStore } from './memory-item-store.ts'

const text = fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme' })

describe('keys of the catalog', () => {
  it('are different for different things, whatever their names', () => {
    const makers: Record<string, (a: string, b: string, c: string) => ItemKey> = {
      cluster: catalogKeys.cluster,
      volume: catalogKeys.volume,
      snapshot: catalogKeys.snapshot,
      backupVolume: catalogKeys.backupVolume,
      backup: catalogKeys.backup,
      run: catalogKeys.run,
      operation: catalogKeys.operation,
    }
    const names = Object.keys(makers)
    const thing = fc.tuple(fc.constantFrom(...names), text, text, text)
    const keyOf = ([kind, ...parts]: [string, string, string, string]) =>
      JSON.stringify(makers[kind]?.(...parts))
    const used = ([kind, ...parts]: [string, string, string, string]) =>
      JSON.stringify([kind, parts.slice(0, makers[kind]?.length)])
    fc.assert(
      fc.property(thing, thing, (a, b) => {
        expect(keyOf(a) === keyOf(b)).toBe(used(a) === used(b))
      }),
    )
  })

  it('begin with their prefix, and with no other', () => {
    fc.assert(
      fc.property(text, text, text, (cluster, other, name) => {
        const { sort } = catalogKeys.volume(cluster, name)
        expect(sort.startsWith(sortPrefix(cluster))).toBe(true)
        expect(sort.startsWith(sortPrefix(other))).toBe(other === cluster)
      }),
    )
  })
})

const operation: Operation<'detach-volume'> = {
  ...queuedOperation,
  id: '20260101T000000Z-1',
  kind: 'detach-volume',
  parameters: {},
}

describe('the catalog', () => {
  it('finds the operations of a volume, and those that are open', async () => {
    const { operations } = catalog(memoryItemStore())
    for (const id of ['1', '2', '3']) await operations.create({ ...operation, id })
    await operations.create({ ...operation, id: '4', volume: 'db', node: 'node-2' })
    await operations.change(catalogKeys.operation('2'), (there) =>
      there ? { ...there, state: 'succeeded', endedAt: '2026-01-01T00:01:00Z' } : undefined,
    )
    const idsIn = async (index: 'first' | 'second', partition: string, prefix = '') => {
      const { values } = await operations.list({ index, partition, sortPrefix: prefix })
      return values.map(({ id }) => id)
    }
    expect(await idsIn('first', catalogKeys.operationOfVolume('primary', 'web', '').partition)).toEqual([
      '1',
      '2',
      '3',
    ])
    const open = catalogKeys.openOperation('', '').partition
    expect(await idsIn('second', open)).toEqual(['1', '3', '4'])
    expect(await idsIn('second', open, sortPrefix('node-1'))).toEqual(['1', '3'])
  })

  it('keeps ended operations for ninety days', async () => {
    const store = memoryItemStore()
    const { operations } = catalog(store)
    await operations.create(operation)
    expect(await store.get(catalogKeys.operation(operation.id))).not.toHaveProperty('expiresAt')
    await operations.change(catalogKeys.operation(operation.id), (there) =>
      there ? { ...there, state: 'failed', endedAt: '2026-01-01T00:00:00Z' } : undefined,
    )
    expect((await store.get(catalogKeys.operation(operation.id)))?.expiresAt).toBe(
      Date.parse('2026-04-01T00:00:00Z') / 1000,
    )
  })

  it('refuses to read an operation with parameters of another kind', async () => {
    const store = memoryItemStore()
    await catalog(store).operations.create(operation)
    const found = await store.get(catalogKeys.operation(operation.id))
    if (found) await store.put({ ...found, value: { ...found.value, kind: 'expand-volume' } }, found)
    await expect(catalog(store).operations.get(catalogKeys.operation(operation.id))).rejects.toMatchObject({
      code: 'damaged',
    })
  })
})
