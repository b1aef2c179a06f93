/**
 * @module explore: which schedules of a simulation are run: all with few preemptions, one suspended at each call, or random ones.
 */
import type { MemoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import { contentOf, type Content } from './invariant.ts'
import { firstOf, simulation, type Actor, type Choose, type Waiting } from './scheduler.ts'

export type ActorBody = (actor: Actor) => Promise<unknown>

export interface Ran {
  content: Content
  outcomes: (Error | undefined)[]
  log: readonly string[]
  store: MemoryObjectStore
}

const runOnce = async (
  initial: MemoryObjectStore,
  actors: readonly ActorBody[],
  choose: Choose,
): Promise<Ran> => {
  const simulated = simulation(initial)
  const outcomes = await simulated.run(actors, choose)
  return { outcomes, content: await contentOf(simulated.store), log: simulated.log, store: simulated.store }
}

const ofActor = (ready: readonly Waiting[], actor: number): Waiting | undefined =>
  ready.find((call) => call.actor === actor)

/** Throws with the whole schedule when a committed backup misses a block. */
const check = (ran: Ran): void => {
  if (ran.content.missing.length > 0)
    throw new Error(`${ran.content.missing.join('\n')}\nafter\n${ran.log.join('\n')}`)
}

/**
 * All schedules of two actors in which the one that runs is stopped in favour of the other at most `preemptions` times;
 * else it runs until it sleeps or ends. Returns how many were run.
 */
export const explorePair = async (
  initial: MemoryObjectStore,
  actors: readonly [ActorBody, ActorBody],
  preemptions: number,
): Promise<number> => {
  let runs = 0
  const explore = async (first: number, switches: readonly number[]): Promise<void> => {
    let current = first
    const canSwitch: number[] = []
    const ran = await runOnce(initial, actors, (ready, step) => {
      const other = ofActor(ready, 1 - current)
      const own = ofActor(ready, current)
      if (own && other && step > (switches.at(-1) ?? -1)) canSwitch.push(step)
      if (!own || (other && switches.includes(step))) current = 1 - current
      return { kind: 'perform', waiting: ofActor(ready, current) ?? firstOf(ready) }
    })
    runs++
    check(ran)
    if (switches.length < preemptions) for (const step of canSwitch) await explore(first, [...switches, step])
  }
  await explore(0, [])
  await explore(1, [])
  return runs
}

/** Runs the first actor with one suspension at its k-th call, for every k, while the others run. */
export const suspendAtEach = async (
  initial: MemoryObjectStore,
  actors: readonly ActorBody[],
  ms: number,
  seen: (ran: Ran, call: number) => void,
): Promise<number> => {
  for (let k = 0; ; k++) {
    let calls = 0
    let isSuspended = false
    const ran = await runOnce(initial, actors, (ready) => {
      const own = ofActor(ready, 0)
      if (own && calls === k && !isSuspended) {
        isSuspended = true
        return { kind: 'suspend', actor: 0, ms }
      }
      if (own && !isSuspended) calls++
      return { kind: 'perform', waiting: own ?? firstOf(ready) }
    })
    check(ran)
    if (!isSuspended) return k
    seen(ran, k)
  }
}

/** mulberry32, by Tommy Ettinger: small, seeded, good enough to choose with. */
export const seededRandom = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** One random schedule, in which an actor is suspended for `maxSuspensionMs(actor)` in all, at most. */
export const runSeeded = async (
  initial: MemoryObjectStore,
  actors: readonly ActorBody[],
  seed: number,
  maxSuspensionMs: (actor: number) => number,
): Promise<Ran> => {
  const random = seededRandom(seed)
  const left = actors.map((_, actor) => maxSuspensionMs(actor))
  const ran = await runOnce(initial, actors, (ready) => {
    const waiting = ready[Math.floor(random() * ready.length)] ?? firstOf(ready)
    if (random() >= 0.02) return { kind: 'perform', waiting }
    const ms = random() * (left[waiting.actor] ?? 0)
    left[waiting.actor] = (left[waiting.actor] ?? 0) - ms
    return { kind: 'suspend', actor: waiting.actor, ms }
  })
  try {
    check(ran)
  } catch (error) {
    throw new Error(`seed ${seed}`, { cause: error })
  }
  return ran
}
