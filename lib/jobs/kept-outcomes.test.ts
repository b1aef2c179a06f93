import { describe, expect, it } from 'vitest'
import { maxItemBytes } from '#lib/catalog/item-store.ts'
import { keptOutcomes } from './kept-outcomes.ts'

const outcome = (number: number, more: { operationId?: null; reason?: string } = {}) => ({
  cluster: 'primary',
  volume: `pvc-6e8a1f0c-93ac-4dcb-9f4e-${String(number).padStart(12, '0')}`,
  outcome: 'operation' as const,
  operationId: `20260101T000000Z_daily_primary_pvc-6e8a1f0c-93ac-4dcb-9f4e-${String(number).padStart(12, '0')}`,
  reason: null,
  ...more,
})
const many = Array.from({ length: 2500 }, (_, number) => outcome(number))

describe('the outcomes that a run keeps', () => {
  it('are all that there are, in their order, where they fit', () => {
    const few = many.slice(0, 1000)
    expect(keptOutcomes(few)).toEqual({ outcomes: few, omitted: 0 })
    expect(keptOutcomes([])).toEqual({ outcomes: [], omitted: 0 })
  })

  it('fit into a row of the catalog, and say how many are left out', () => {
    const { outcomes, omitted } = keptOutcomes(many)
    expect(outcomes.length).toBeGreaterThan(1300)
    expect(outcomes.length + omitted).toBe(2500)
    expect(JSON.stringify(outcomes).length).toBeLessThan(maxItemBytes)
  })

  it('are first those of volumes that have no operation', () => {
    const last = outcome(9999, { operationId: null, reason: 'queue is down' })
    expect(keptOutcomes([...many, last]).outcomes[0]).toEqual(last)
  })

  it('tell long reasons in short', () => {
    const [kept] = keptOutcomes([outcome(1, { operationId: null, reason: 'x'.repeat(10_000) })]).outcomes
    expect(kept?.reason).toHaveLength(500)
  })
})
