/**
 * @module heartbeats: what the node tells of itself: that it is there, what it works on, how its pool is, and what it holds, if
 * that changed or was not told for long. One at a time, so that an older inventory never comes after a newer one.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import { serial } from '#lib/base/serial.ts'
import type { Journal } from '#lib/operation/journal.ts'
import type { Pool, PoolStatus } from '#lib/volume/pool.ts'
import type { HeldVolume } from '#lib/api/node-messages.ts'
import { contentOf, heldVolumes } from './inventory.ts'
import type { NodeApi } from './node-api.ts'

export interface HeartbeatsDeps {
  api: Pick<NodeApi, 'heartbeat'>
  pool: Pick<Pool, 'status' | 'listVolumes' | 'recordedSnapshots'>
  journal: Pick<Journal, 'unfinishedIds'>
  clock: Pick<Clock, 'now'>
  log: Log
  version: string
}

/** Both throw RequestError. */
export interface Heartbeats {
  beat(): Promise<void>
  /** Nothing, if what the node holds was told already. */
  tellChanges(): Promise<void>
}

const inventoryEveryMs = 5 * 60_000

export const heartbeats = ({ api, pool, journal, clock, log, version }: HeartbeatsDeps): Heartbeats => {
  const inTurn = serial()
  const process = randomUUID()
  let number = 0
  let told: { content: string; atMs: number } | undefined

  /** A pool that cannot be looked at now must not make its node look dead. */
  const lookAtPool = async (): Promise<{ volumes: HeldVolume[]; status: PoolStatus } | undefined> => {
    try {
      return { volumes: await heldVolumes(pool), status: await pool.status() }
    } catch (error) {
      log.error('the pool cannot be looked at', { error: String(error) })
      return undefined
    }
  }
  const send = async ({ isOnlyOfChanges }: { isOnlyOfChanges: boolean }): Promise<void> => {
    const held = await lookAtPool()
    if (!held) {
      if (!isOnlyOfChanges) await api.heartbeat({ version, running: journal.unfinishedIds() })
      return
    }
    const { volumes, status } = held
    const [content, atMs] = [contentOf(volumes), clock.now().getTime()]
    const isChanged = told?.content !== content
    if (isOnlyOfChanges && !isChanged) return
    const isTime = !told || atMs - told.atMs >= inventoryEveryMs
    const { kind, totalBytes, availableBytes, promisedBytes } = status
    await api.heartbeat({
      version,
      pool: { kind, totalBytes, availableBytes, promisedBytes },
      running: journal.unfinishedIds(),
      ...((isChanged || isTime) && { inventory: { process, number: ++number, volumes } }),
    })
    if (isChanged || isTime) told = { content, atMs }
  }
  return {
    beat: () => inTurn(() => send({ isOnlyOfChanges: false })),
    tellChanges: () => inTurn(() => send({ isOnlyOfChanges: true })),
  }
}
