import { describe, expect, it } from 'vitest'
import { catalog } from '#lib/catalog/catalog.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { memoryItemStore } from '#lib/catalog/memory-item-store.ts'
import { looksDue } from './looks-due.ts'

const hourMs = 3600_000
const begin = Date.parse('2026-01-01T00:00:30Z')

/** The minutes, of those in a time, in which each target is asked for. */
const askedFor = async (
  { indexedAt, every }: { indexedAt: string | null; every?: number },
  minutes: readonly number[],
): Promise<number[]> => {
  const things = catalog(memoryItemStore())
  const createdAt = new Date(begin).toISOString()
  const target = {
    name: 'nas',
    url: 's3://b@r/',
    credential: null,
    reachedBy: null,
    createdAt,
    failure: null,
  }
  await things.targets.create({ ...target, indexedAt })
  const name = 'backupstore-poll-interval'
  if (every !== undefined)
    await things.settings.change(catalogKeys.setting(name), () => ({ name, value: every }))
  const asked: number[] = []
  for (const minute of minutes) {
    const clock = { now: () => new Date(begin + minute * 60_000 + 5000) }
    await looksDue({ catalog: things, clock, askForLook: async () => void asked.push(minute) })()
  }
  return asked
}

const upTo = (count: number) => Array.from({ length: count }, (_, minute) => minute)

describe('looks at targets', () => {
  it('are due an hour after the last, and asked for each quarter of an hour until taken', async () => {
    expect(await askedFor({ indexedAt: new Date(begin).toISOString() }, upTo(100))).toEqual([60, 75, 90])
  })

  it('are due at once of a new target', async () => {
    expect(await askedFor({ indexedAt: null }, upTo(20))).toEqual([0, 15])
  })

  it('are asked for ever more rarely while none is taken', async () => {
    const daysMinutes = 2 * 24 * 60
    const asked = await askedFor({ indexedAt: new Date(begin).toISOString() }, upTo(60 + daysMinutes))
    expect(asked.slice(0, 6)).toEqual([60, 75, 90, 105, 120, 180])
    expect(asked.slice(-4)).toEqual([24, 30, 36, 42].map((hours) => 60 + hours * 60))
  })

  it('are due as often as is set, or never', async () => {
    const indexedAt = new Date(begin).toISOString()
    expect(await askedFor({ indexedAt, every: 120 }, upTo(5))).toEqual([2])
    expect(await askedFor({ indexedAt, every: 0 }, upTo(100))).toEqual([])
    expect(await askedFor({ indexedAt: new Date(begin - hourMs).toISOString() }, [0])).toEqual([0])
  })
})
