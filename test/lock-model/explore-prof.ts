import { done, late, stepsOf } from './actors.ts'
import type { Rules, Steps } from './actors.ts'
import { acquireLock, blocksOf, dropLock, isDeletion, isOurs, lockState, refreshedInTime, slots } from './world.ts'
import type { Kind, World } from './world.ts'

export type Start = Pick<World, 'blocks' | 'old' | 'leftover'>
export interface Outcome { states: number; fault?: string; trace?: string[]; covered: Set<string> }

const swapBits = (mask: number, i: number): number => {
  const a = (mask >> i) & 1, b = (mask >> (i + 1)) & 1
  return a === b ? mask : mask ^ (3 << i)
}

export const explore = (kinds: Kind[], starts: Start[], rules: Rules, limit = 20_000_000): Outcome => {
  const n = kinds.length
  const steps: Steps[] = kinds.map((kind) => stepsOf(kind, rules))
  const names = steps.map((s) => [done, ...Object.keys(s)])
  const codes = names.map((list) => new Map(list.map((name, i) => [name, i])))
  const covered = new Set<string>()

  let capacity = 1 << 16
  let words = new Int32Array(capacity * n)
  let parents = new Int32Array(capacity)
  let table = new Int32Array(capacity * 2).fill(-1)
  let count = 0
  const next = new Int32Array(n)

  const w: World = { blocks: 0, old: [0, 0], leftover: 0, fault: '', actors: kinds.map((kind) => ({ kind, at: done, known: 0, seen: 0, lock: 0, age: 0, turn: 0, recent: 0, cfg: 0, stalled: 0 })) }

  const wordOf = (i: number): number => {
    const a = w.actors[i]!
    if (!contested) { a.turn = 0; a.recent = 0 }
    if (timeless()) { a.recent = 0 }
    if (a.at === done || a.at === names[i]![1] || a.at === 'removes its lock' || a.at === 'unlocks') { a.known = 0; a.seen = 0 }
    if (a.at === 'puts its lock again' || a.at === 'lists the locks anew' || a.at === 'removes its lock for now') a.known &= 3
    if (a.at !== 'deletes blocks') a.stalled = 0
    return codes[i]!.get(a.at)! | (a.known << 5) | (a.seen << 9) | (a.lock << 15) | (a.age << 17) | (a.turn << 20) | (a.recent << 22) | (a.cfg << 23) | (a.stalled << 25)
  }
  const encode = (): void => {
    for (let i = 0; i < n; i++) next[i] = wordOf(i)
    for (let again = true; again; ) {
      again = false
      for (let i = 0; i + 1 < n; i++) if (kinds[i] === kinds[i + 1] && next[i]! > next[i + 1]!) {
        const a = w.actors[i]!
        w.actors[i] = w.actors[i + 1]!
        w.actors[i + 1] = a
        for (const actor of w.actors) actor.seen = swapBits(actor.seen, 3 + i)
        for (let j = 0; j < n; j++) next[j] = wordOf(j)
        again = true
        break
      }
    }
    next[0]! |= w.blocks << 27
    next[n > 1 ? 1 : 0]! |= (w.old[0] << 27) | (w.old[1] << 29)
    next[n - 1]! |= n > 2 ? w.leftover << 27 : w.leftover << 31
  }
  const decode = (at: number): void => {
    for (let i = 0; i < n; i++) {
      const x = words[at * n + i]!
      const a = w.actors[i]!
      a.at = names[i]![x & 31]!
      a.known = (x >> 5) & 15
      a.seen = (x >> 9) & 63
      a.lock = (x >> 15) & 3
      a.age = (x >> 17) & 7
      a.turn = (x >> 20) & 3
      a.recent = (x >> 22) & 1
      a.cfg = (x >> 23) & 3
      a.stalled = (x >> 25) & 3
    }
    w.blocks = (words[at * n]! >> 27) & 3
    w.old[0] = (words[at * n + 1]! >> 27) & 3
    w.old[1] = (words[at * n + 1]! >> 29) & 3
    w.leftover = n > 2 ? (words[at * n + 2]! >> 27) & 1 : words[at * n + 1]! < 0 ? 1 : 0
    w.fault = ''
  }
  const hash = (): number => {
    let h = 0
    for (let i = 0; i < n; i++) { h = Math.imul(h ^ next[i]!, 0x9e3779b1); h ^= h >>> 15 }
    h = Math.imul(h, 0x85ebca6b); h ^= h >>> 13
    return h >>> 0
  }
  const rehash = (): void => {
    capacity *= 2
    const w2 = new Int32Array(capacity * n); w2.set(words); words = w2
    const p2 = new Int32Array(capacity); p2.set(parents); parents = p2
    table = new Int32Array(capacity * 2).fill(-1)
    for (let s = 0; s < count; s++) {
      for (let i = 0; i < n; i++) next[i] = words[s * n + i]!
      let slot = hash() & (table.length - 1)
      while (table[slot]! >= 0) slot = (slot + 1) & (table.length - 1)
      table[slot] = s
    }
  }
  const add = (parent: number): number => {
    encode()
    let slot = hash() & (table.length - 1)
    for (; table[slot]! >= 0; slot = (slot + 1) & (table.length - 1)) {
      const s = table[slot]!
      let same = true
      for (let i = 0; i < n && same; i++) same = words[s * n + i] === next[i]
      if (same) return s
    }
    if (count === capacity) { const keep = Int32Array.from(next); rehash(); next.set(keep); return add2(parent) }
    return put(slot, parent)
  }
  const put = (slot: number, parent: number): number => {
    table[slot] = count
    for (let i = 0; i < n; i++) words[count * n + i] = next[i]!
    parents[count] = parent
    return count++
  }
  const add2 = (parent: number): number => {
    let slot = hash() & (table.length - 1)
    while (table[slot]! >= 0) slot = (slot + 1) & (table.length - 1)
    return put(slot, parent)
  }
  const faultNow = (): string => {
    if (w.fault) return w.fault
    for (let slot = 0; slot < slots(w); slot++) if (blocksOf(w, slot) & ~w.blocks) return 'a committed backup misses a block'
    return ''
  }

  const timeless = (): boolean => {
    let deletions = 0, others = 0
    for (const a of w.actors) if (a.at !== done) { if (isDeletion(a.kind)) deletions++; else others++ }
    return !deletions || !others
  }
  const contested = kinds.some((k) => isDeletion(k)) && kinds.some((k) => k === "Longhorn's backup" || k === "Longhorn's restore")
  /** All successors of the state; visit(label) sees each in w. */
  const successors = (at: number, visit: (label: () => string) => boolean): boolean => {
    for (let i = 0; i < n; i++) {
      for (let choice = 0, options = 1; choice < options; choice++) {
        decode(at)
        const me = w.actors[i]!
        if (me.at === done) break
        const name = me.at
        const to = steps[i]![name]!(w, me, (o) => { options = o; return choice })
        if (!to) break
        me.at = to
        if (at >= 0) covered.add(`${me.kind} ${name}`)
        if (visit(() => `${me.kind} ${i} ${name}${options > 1 ? ` (${choice})` : ''}`)) return true
      }
      decode(at)
      const me = w.actors[i]!
      if (me.at === done || timeless()) continue
      if (isOurs(me.kind)) {
        const isLate = me.age > refreshedInTime
        const target = late[me.kind]![me.at]
        if (me.lock === lockState.acquired && me.age >= refreshedInTime) {
          me.age = 0
          if (isLate && rules.lateIsCrash && target) me.at = target
          if (visit(() => `${me.kind} ${i} refreshes its lock${isLate ? ' late' : ''}`)) return true
        } else if (me.lock === lockState.none && target && me.at !== 'deletes blocks') {
          me.at = target
          if (visit(() => `${me.kind} ${i} finds its lock gone`)) return true
        }
      } else if (me.at !== names[i]![1]) {
        dropLock(w, me)
        me.at = done
        if (visit(() => `${me.kind} ${i} dies`)) return true
        decode(at)
        const held = names[i]!.indexOf(me.at) > names[i]!.indexOf('acquires its lock')
        if (held && me.at !== done && (me.lock === lockState.none || me.age > 0)) {
          acquireLock(w, me)
          if (visit(() => `${me.kind} ${i} refreshes its lock`)) return true
        }
      }
    }
    decode(at)
    if (timeless()) return false
    if (w.actors.some((a) => a.recent)) {
      for (const a of w.actors) a.recent = 0
      if (visit(() => 'a second passes')) return true
    }
    decode(at)
    if (rules.prompt && w.actors.some((a) => a.kind === 'our deletion' && a.at === 'deletes blocks' && a.stalled === 1)) return false
    for (const a of w.actors) {
      a.recent = 0
      if ((a.lock || a.age) && a.age < 4 && (isOurs(a.kind) || !rules.lhNeverExpires)) a.age++
      if (a.kind === 'our deletion' && a.at === 'deletes blocks' && rules.prompt) a.stalled++
    }
    return visit(() => '50 s pass')
  }

  const describe = (): string => {
    const cfgs = [w.old[0] && `X:${w.old[0]}`, w.old[1] && `Y:${w.old[1]}`, w.leftover && 'leftover mark', ...w.actors.map((a, i) => a.cfg && `${i}:${a.cfg === 1 ? 'mark' : 'committed'}`)].filter(Boolean)
    return `blocks ${w.blocks} cfgs [${cfgs.join(' ')}] locks [${w.actors.map((a, i) => a.lock ? `${i}:${a.lock === 2 ? 'acq' : 'wait' + a.turn}@${a.age}` : '').filter(Boolean).join(' ')}]`
  }
  const trace = (last: number, lastLabel: string): string[] => {
    const path: number[] = []
    for (let s = last; s >= 0; s = parents[s]!) path.unshift(s)
    const lines: string[] = []
    decode(path[0]!); lines.push(`start: ${describe()}`)
    for (let k = 0; k + 1 < path.length; k++) {
      successors(path[k]!, (label) => {
        const l = label()
        encode()
        for (let i = 0; i < n; i++) if (next[i] !== words[path[k + 1]! * n + i]) return false
        lines.push(`${l.padEnd(60)} ${describe()}`)
        return true
      })
    }
    lines.push(lastLabel)
    return lines
  }

  for (const start of starts) {
    w.blocks = start.blocks
    w.old = [...start.old]
    w.leftover = start.leftover
    w.actors.forEach((a, i) => { Object.assign(a, { at: names[i]![1], known: 0, seen: 0, lock: 0, age: 0, turn: 0, recent: 0, cfg: 0, stalled: 0 }) })
    add(-1)
  }
  let found: Outcome | undefined
  for (let s = 0; s < count; s++) {
    if (count > limit) throw new Error(`more than ${limit} states: ${kinds.join(', ')}`)
    const stopped = successors(s, (label) => {
      const fault = faultNow()
      if (!fault) { add(s); return false }
      const l = `${label().padEnd(60)} ${describe()}`
      found = { states: count, fault, trace: trace(s, l), covered }
      return true
    })
    if (stopped) break
  }
  return Object.assign({ states: count, covered }, { words, names })
}
