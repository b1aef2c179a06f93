/**
 * @module pool-keeper: has a pool open, lets the process that works on it die, and opens it again.
 *
 * A death in this process is played: the host stops doing anything. One of a child is a real one.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import type { Host } from '#lib/volume/host.ts'
import { linuxHost } from '#lib/volume/linux-host.ts'
import { openPool, type Pool } from '#lib/volume/pool.ts'
import { VolumeError } from '#lib/volume/volume-error.ts'
import type { ChildOrder } from './kill-child.ts'
import { mortalHost, type Death, type MortalHost } from './mortal-host.ts'
import { mostCalls, perform, type Operation } from './operations.ts'
import type { DrawnDeath } from './sequences.ts'

export type Outcome<T> = { kind: 'done'; result: T } | { kind: 'dead' }

export interface PoolKeeper {
  pool(): Pool
  /** However it ends, the pool is open again. */
  attempt<T>(
    what: keyof typeof mostCalls,
    death: DrawnDeath | undefined,
    work: (pool: Pool) => Promise<T>,
  ): Promise<Outcome<T>>
  /** In a process of its own. */
  attemptInChild(
    volume: string,
    operation: Operation,
    death: DrawnDeath | undefined,
  ): Promise<Outcome<boolean | undefined>>
  close(): Promise<void>
}

export interface PoolKeeperSettings {
  folder: string
  /** Those that came about. */
  deaths: KnownDeath[]
}

export interface KnownDeath {
  what: keyof typeof mostCalls | 'recovery'
  method: string
  when: Death['when']
  inChild: boolean
}

const deathOf = (what: keyof typeof mostCalls, { at, when }: DrawnDeath): Death => ({
  call: 1 + (at % mostCalls[what]),
  when,
})

const isBusy = (error: unknown): boolean => error instanceof VolumeError && error.code === 'pool-busy'

/** A program that a dead process started may hold the pool until it ends. */
const busyTries = 500
const busyPauseMs = 20

const openWhenFree = async (folder: string, host: (lockFd: number) => Host): Promise<Pool> => {
  for (let attempt = 1; ; attempt++) {
    const opened = await openPool({ folder, host }).catch((error: unknown) => {
      if (isBusy(error) && attempt < busyTries) return undefined
      throw error
    })
    if (opened) return opened
    await delay(busyPauseMs)
  }
}

const requireNothingOdd = async (pool: Pool): Promise<void> => {
  const { oddities } = await pool.status()
  if (oddities.length > 0) throw new Error(`oddities in the pool: ${JSON.stringify(oddities)}`)
}

interface Open {
  pool: Pool
  host: MortalHost
}

export const poolKeeper = async ({ folder, deaths }: PoolKeeperSettings): Promise<PoolKeeper> => {
  let doing: KnownDeath['what'] = 'recovery'
  const openOnce = async (death?: Death): Promise<Open | undefined> => {
    const made: { host?: MortalHost } = {}
    const hostOn = (lockFd: number): MortalHost => {
      const host = mortalHost(linuxHost(lockFd), (method, { when }) => {
        deaths.push({ what: doing, method, when, inChild: false })
      })
      host.arm(death)
      made.host = host
      return host
    }
    try {
      const pool = await openWhenFree(folder, hostOn)
      if (!made.host) throw new Error('the pool was opened without its host')
      made.host.arm(undefined)
      return { pool, host: made.host }
    } catch (error) {
      if (made.host?.isDead()) return undefined
      throw error
    }
  }
  const openAgain = async (death?: Death): Promise<Open> => {
    doing = 'recovery'
    const opened = (await openOnce(death)) ?? (await openOnce())
    if (!opened) throw new Error('died without being armed')
    await requireNothingOdd(opened.pool).catch(async (error: unknown) => {
      await opened.pool.close()
      throw error
    })
    return opened
  }

  let { pool, host } = await openAgain()
  const recover = async (death: DrawnDeath | undefined): Promise<void> => {
    await pool.close()
    ;({ pool, host } = await openAgain(death?.inRecovery))
  }

  return {
    pool: () => pool,
    attempt: async (what, death, work) => {
      doing = what
      host.arm(death && deathOf(what, death))
      const done = await work(pool).then(
        (result) => ({ result }),
        (error: unknown) => ({ error }),
      )
      host.arm(undefined)
      if (host.isDead()) {
        await recover(death)
        return { kind: 'dead' }
      }
      if ('error' in done) throw done.error
      return { kind: 'done', result: done.result }
    },
    attemptInChild: async (volume, operation, death) => {
      await pool.close()
      const { call, when } = death ? deathOf(operation.kind, death) : { call: 0, when: 'before' as const }
      const ended = await runChild({ folder, volume, operation, call, when })
      if (ended.kind === 'dead')
        deaths.push({ what: operation.kind, method: ended.method, when, inChild: true })
      ;({ pool, host } = await openAgain(death?.inRecovery))
      return ended
    },
    close: () => pool.close(),
  }
}

const runChild = async (
  order: ChildOrder,
): Promise<{ kind: 'done'; result: boolean | undefined } | { kind: 'dead'; method: string }> => {
  const script = join(import.meta.dirname, 'kill-child.ts')
  const child = spawn(process.execPath, [script, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  if (child.signalCode === 'SIGKILL') return { kind: 'dead', method: stderr }
  if (child.exitCode !== 0)
    throw new Error(`${JSON.stringify(order)} ended with ${child.exitCode}: ${stderr}`)
  return { kind: 'done', result: (JSON.parse(stdout) as boolean | null) ?? undefined }
}

/** In this process, or in one of its own. */
export const attemptOperation = (
  keeper: PoolKeeper,
  options: { volume: string; operation: Operation; death: DrawnDeath | undefined; inChild: boolean },
): Promise<Outcome<boolean | undefined>> => {
  const { volume, operation, death, inChild } = options
  return inChild && death
    ? keeper.attemptInChild(volume, operation, death)
    : keeper.attempt(operation.kind, death, (pool) => perform(pool, volume, operation))
}
