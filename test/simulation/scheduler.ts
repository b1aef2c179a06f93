/**
 * @module scheduler: runs real code over a store in memory, one store call at a time, in an order that a test decides.
 *
 * Each call of an actor waits until it is chosen; time is virtual and passes only when every actor that may go on sleeps.
 * A suspended actor makes no call, not even a refresh of its lock, until its time comes.
 */
import type { Clock } from '#lib/base/clock.ts'
import { memoryObjectStore, type MemoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import type { ListPage, ObjectStore } from '#lib/object-store/object-store.ts'

export interface Waiting {
  actor: number
  /** `put …/volume.cfg` */
  label: string
  perform: () => void
}

interface Timer {
  actor: number
  at: number
  wake: () => void
}

/** What a test decides before each step: which of the waiting calls is done, or who is suspended and for how long. */
export type Choice = { kind: 'perform'; waiting: Waiting } | { kind: 'suspend'; actor: number; ms: number }
export type Choose = (ready: readonly Waiting[], step: number, now: number) => Choice

export interface Actor {
  store: ObjectStore
  clock: Clock
}

export interface Simulation {
  readonly store: MemoryObjectStore
  readonly log: readonly string[]
  /** Runs actors to their ends. The answer has what each threw, or `undefined`. */
  run(actors: readonly ((actor: Actor) => Promise<unknown>)[], choose: Choose): Promise<(Error | undefined)[]>
}

const beginMs = Date.parse('2026-01-01T00:00:00Z')
const maxSteps = 5000

export const firstOf = (ready: readonly Waiting[]): Waiting => {
  const [first] = ready
  if (!first) throw new Error('no call is waiting')
  return first
}

/** One actor, or several in the order in which they call. */
export const inTurn: Choose = (ready) => ({ kind: 'perform', waiting: firstOf(ready) })

/** Everything that can go on without a store call or a sleep has gone on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export const simulation = (initial?: MemoryObjectStore): Simulation => {
  let now = beginMs
  const inner =
    initial?.clone({ clock: { now: () => new Date(now) } }) ??
    memoryObjectStore({ clock: { now: () => new Date(now) } })
  const waiting: Waiting[] = []
  const timers: Timer[] = []
  const suspendedUntil = new Map<number, number>()
  const log: string[] = []

  const turn = <T>(actor: number, label: string, work: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      waiting.push({ actor, label, perform: () => void work().then(resolve, reject) })
    })
  const storeFor = (actor: number): ObjectStore => ({
    description: 'simulation',
    listsAfterWrites: true,
    get: (key, options) => turn(actor, `get ${key}`, () => inner.get(key, options)),
    head: (key, options) => turn(actor, `head ${key}`, () => inner.head(key, options)),
    put: (key, body, options) => turn(actor, `put ${key}`, () => inner.put(key, body, options)),
    copy: (from, to, options) => turn(actor, `copy ${from} ${to}`, () => inner.copy(from, to, options)),
    deleteMany: (keys, options) =>
      turn(actor, `delete ${keys.join(' ')}`, () => inner.deleteMany(keys, options)),
    list: async function* (prefix, options): AsyncGenerator<ListPage> {
      const pages = inner.list(prefix, options)[Symbol.asyncIterator]()
      for (;;) {
        const page = await turn(actor, `list ${prefix}`, () => pages.next())
        if (page.done) return
        yield page.value
        if (page.value.objects.length + page.value.folders.length < 1000) return
      }
    },
  })
  const clockFor = (actor: number): Clock => ({
    now: () => new Date(now),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const timer: Timer = { actor, at: now + ms, wake: resolve }
        timers.push(timer)
        signal?.addEventListener('abort', () => {
          const position = timers.indexOf(timer)
          if (position >= 0) timers.splice(position, 1)
          reject(signal.reason)
        })
      }),
  })
  const mayGoOn = (actor: number): boolean => (suspendedUntil.get(actor) ?? 0) <= now
  /** To the next moment at which somebody can go on. */
  const passTime = (): void => {
    const moments = [
      ...timers.map((timer) => Math.max(timer.at, suspendedUntil.get(timer.actor) ?? 0)),
      ...waiting.map((call) => suspendedUntil.get(call.actor) ?? 0),
    ]
    now = Math.max(now, Math.min(...moments))
    for (const timer of timers.filter((one) => one.at <= now && mayGoOn(one.actor))) {
      timers.splice(timers.indexOf(timer), 1)
      timer.wake()
    }
  }
  return {
    store: inner,
    log,
    run: async (actors, choose) => {
      const outcomes: (Error | undefined)[] = actors.map(() => undefined)
      let running = actors.length
      for (const [actor, body] of actors.entries()) {
        void body({ store: storeFor(actor), clock: clockFor(actor) })
          .catch((error: unknown) => {
            outcomes[actor] = error instanceof Error ? error : new Error(String(error))
          })
          .finally(() => running--)
      }
      for (let step = 0; ; step++) {
        await settle()
        if (running === 0) return outcomes
        if (step > maxSteps) throw new Error(`no end after ${maxSteps} steps:\n${log.slice(-40).join('\n')}`)
        const ready = waiting.filter((call) => mayGoOn(call.actor))
        if (ready.length === 0) {
          passTime()
          continue
        }
        const choice = choose(ready, step, now)
        if (choice.kind === 'suspend') {
          suspendedUntil.set(choice.actor, now + choice.ms)
          log.push(`${(now - beginMs) / 1000}s #${choice.actor} suspended for ${choice.ms / 1000} s`)
        } else {
          waiting.splice(waiting.indexOf(choice.waiting), 1)
          log.push(`${(now - beginMs) / 1000}s #${choice.waiting.actor} ${choice.waiting.label}`)
          choice.waiting.perform()
        }
      }
    },
  }
}
