/**
 * Drover's real code, beside itself and beside Longhorn's steps, in many orders: no committed backup ever misses a block.
 */
import { describe, expect, it } from 'vitest'
import type { MemoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import {
  droverBackup,
  droverCollection,
  droverDeletion,
  droverVolumeDeletion,
  longhornBackup,
  longhornDeletion,
} from './actors.ts'
import { explorePair, runSeeded, suspendAtEach, type ActorBody } from './explore.ts'
import { contentOf } from './invariant.ts'
import { inTurn, simulation } from './scheduler.ts'

const alone = async (actors: readonly ActorBody[]): Promise<MemoryObjectStore> => {
  const simulated = simulation()
  for (const actor of actors) await simulated.run([actor], inTurn)
  return simulated.store
}

/** Block b is in `one` alone: whoever deletes `one` frees what the new backup is about to use again. */
const initial = await alone([droverBackup('one', ['a', 'b']), droverBackup('two', ['a', 'c'])])

const ours: Record<string, ActorBody> = {
  backup: droverBackup('new', ['b', 'x']),
  'other backup': droverBackup('new2', ['b', 'y']),
  deletion: droverDeletion('one'),
  'other deletion': droverDeletion('two'),
  collection: droverCollection,
  'volume deletion': droverVolumeDeletion,
}
const longhorns: Record<string, ActorBody> = {
  "longhorn's backup": longhornBackup('theirs', ['b', 'z']),
  "longhorn's deletion": longhornDeletion('one'),
}

const pairs = Object.entries(ours).flatMap(([name, actor], position) =>
  [...Object.entries(ours).slice(position + 1), ...Object.entries(longhorns)].map(
    ([other, second]) => [name, other, actor, second] as const,
  ),
)

export interface SimulationSize {
  /** In all schedules of two operations. */
  preemptions: number
  /** Random schedules of five. */
  seededRuns: number
}

export const simulationSuite = ({ preemptions, seededRuns }: SimulationSize): void => {
  describe('two operations at once', () => {
    it.each(pairs)('%s and %s leave every committed backup whole', async (_name, _other, first, second) => {
      expect(await explorePair(initial, [first, second], preemptions)).toBeGreaterThan(10)
    })
  })

  describe('a backup suspended for 200 s at each of its calls', () => {
    const others = [
      ['deletion', ours['deletion']],
      ['collection', ours['collection']],
      ['volume deletion', ours['volume deletion']],
      ["longhorn's deletion", longhorns["longhorn's deletion"]],
    ] as const

    it.each(others)('commits only if every block is there, beside a %s', async (_name, other) => {
      if (!other) throw new Error('no such actor')
      let committed = 0
      const calls = await suspendAtEach(initial, [droverBackup('new', ['b', 'x']), other], 200_000, (ran) => {
        if (ran.content.committed.includes('new')) committed++
        expect(ran.outcomes[0] !== undefined && ran.content.committed.includes('new')).toBe(false)
      })
      expect(calls).toBeGreaterThan(10)
      expect(committed).toBeGreaterThan(0)
    })

    it('never commits after our own deletion removed its mark', async () => {
      let removed = 0
      await suspendAtEach(initial, [droverBackup('new', ['b', 'x']), droverCollection], 200_000, (ran) => {
        const collected = ran.log.findIndex(
          (line) => line.includes('#1 delete') && line.includes('backup_new.cfg'),
        )
        if (collected < 0) return
        const committedBefore =
          ran.log
            .slice(0, collected)
            .filter((line) => line.includes('#0 put') && line.includes('backup_new.cfg')).length > 1
        if (committedBefore) return
        removed++
        expect(ran.content.committed).not.toContain('new')
        expect(ran.outcomes[0]).toMatchObject({ code: 'mark-lost' })
      })
      expect(removed).toBeGreaterThan(3)
    })
  })

  describe('five operations at once', () => {
    it(`leave every committed backup whole, and nothing unused after a collection, in ${seededRuns} random orders`, async () => {
      const names = [...Object.keys(ours), ...Object.keys(longhorns)]
      const all = { ...ours, ...longhorns }
      for (let seed = 1; seed <= seededRuns; seed++) {
        const chosen = Array.from(
          { length: 5 },
          (_, i) => names[(seed * 7 + i * (1 + (seed % 3))) % names.length] ?? 'backup',
        )
        /** Longhorn's backup commits whatever became of its lock, so it may not stall either: that hole is its own. */
        const mayStall = (actor: number) => /^(other )?backup$/.test(chosen[actor] ?? '')
        const ran = await runSeeded(
          initial,
          chosen.map((name) => all[name] ?? droverCollection),
          seed,
          (actor) => (mayStall(actor) ? 300_000 : 50_000),
        )
        if (seed % 20 !== 0) continue
        const after = simulation(ran.store)
        await after.run([droverCollection], inTurn)
        const content = await contentOf(after.store)
        expect(content.missing).toEqual([])
        expect(content.inProgress.length === 0 ? content.unused : []).toEqual([])
      }
    })
  }, 1_800_000)
}
