import { describe, expect, it } from 'vitest'
import { silentLog } from '#lib/base/log.ts'
import { takeBackupLock } from '#lib/backupstore/backup-lock.ts'
import { takeDeletionLock } from '#lib/backupstore/deletion-lock.ts'
import { encodeLock } from '#lib/backupstore/lock-file.ts'
import { keys } from './actors.ts'
import { inTurn, simulation, type Actor } from './scheduler.ts'

const request = { keys, lockName: 'lock-ours', waitMs: 600_000 }
const own = keys.lock('lock-ours')
const theirs = keys.lock('lock-theirs')

const run = async (
  actor: (actor: Actor, store: ReturnType<typeof simulation>['store']) => Promise<unknown>,
) => {
  const simulated = simulation()
  const outcomes = await simulated.run([(one) => actor(one, simulated.store)], inTurn)
  return { ...simulated, error: outcomes[0] }
}

const takeBackup = ({ store, clock }: Actor, waitMs = 600_000) =>
  takeBackupLock({ store, clock, log: silentLog }, { ...request, waitMs })
const takeDeletion = ({ store, clock }: Actor, waitMs = 600_000) =>
  takeDeletionLock({ store, clock, log: silentLog }, { ...request, waitMs })

describe('the lock of a backup', () => {
  it('is taken with one put and one listing, refreshed every 60 s, and removed', async () => {
    const { log, store, error } = await run(async (actor) => {
      const lock = await takeBackup(actor)
      await actor.clock.sleep(10 * 60_000 + 1000)
      await lock.release()
    })
    expect(error).toBeUndefined()
    expect(log.filter((line) => line.includes('put '))).toHaveLength(1 + 10)
    expect(log.filter((line) => line.includes('list '))).toHaveLength(1)
    expect(store.keys()).toEqual([])
  })

  it('waits for a deletion that holds its lock, until that expires', async () => {
    const { log, error } = await run(async (actor, store) => {
      store.setBytes(theirs, encodeLock('lock-theirs', 2, true))
      const began = actor.clock.now().getTime()
      const lock = await takeBackup(actor)
      expect(actor.clock.now().getTime() - began).toBeGreaterThan(150_000)
      await lock.release()
    })
    expect(error).toBeUndefined()
    expect(log[3]).toContain(`delete ${own}`)
  })

  it('waits for a deletion that may have listed before it, with its own lock in place', async () => {
    const { error } = await run(async (actor, store) => {
      store.setBytes(theirs, encodeLock('lock-theirs', 2, false))
      const lock = await takeBackup(actor)
      expect(actor.clock.now().getTime() - Date.parse('2026-01-01T00:00:00Z')).toBeGreaterThan(150_000)
      await lock.release()
    })
    expect(error).toBeUndefined()
  })

  it('passes by locks of its own kind and expired ones', async () => {
    const { log, error } = await run(async (actor, store) => {
      const old = BigInt(Date.parse('2025-12-31T00:00:00Z')) * 1_000_000n
      store.setBytes(theirs, encodeLock('lock-theirs', 2, true), old)
      store.setBytes(keys.lock('lock-more'), encodeLock('lock-more', 1, true))
      const lock = await takeBackup(actor)
      await lock.release()
    })
    expect(error).toBeUndefined()
    expect(log.at(-1)).toContain('0s ')
  })

  it('gives up in time, names the other lock, and leaves none of its own', async () => {
    const { store, error } = await run(async (actor, stored) => {
      stored.setBytes(theirs, encodeLock('lock-theirs', 2, true))
      await takeBackup(actor, 10_000)
    })
    expect(error).toMatchObject({ code: 'locked', message: expect.stringContaining('lock-theirs') })
    expect(store.keys()).toEqual([theirs])
  })

  it('is taken again where somebody removed it, and says so', async () => {
    const { error } = await run(async (actor, store) => {
      const lock = await takeBackup(actor)
      expect(await lock.confirm()).toBe('held')
      store.remove(own)
      expect(await lock.confirm()).toBe('retaken')
      expect(await lock.confirm()).toBe('held')
      await lock.release()
    })
    expect(error).toBeUndefined()
  })
})

describe('the lock of a deletion', () => {
  it('is taken after 2 s, and checked with one HEAD', async () => {
    const { log, store, error } = await run(async (actor) => {
      const lock = await takeDeletion(actor)
      await lock.check()
      await lock.release()
    })
    expect(error).toBeUndefined()
    expect(log.map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
      '0s #0 put',
      '2s #0 list',
      '2s #0 head',
      '2s #0 put',
      '2s #0 list',
      '2s #0 head',
      '2s #0 delete',
    ])
    expect(store.keys()).toEqual([])
  })

  it('waits for backups and restores, until their locks are gone or expired', async () => {
    const { error } = await run(async (actor, store) => {
      store.setBytes(theirs, encodeLock('lock-theirs', 1, true))
      const lock = await takeDeletion(actor)
      expect(actor.clock.now().getTime() - Date.parse('2026-01-01T00:00:00Z')).toBeGreaterThan(150_000)
      await lock.release()
    })
    expect(error).toBeUndefined()
  })

  it('gives up in time, and leaves none of its own', async () => {
    const { store, error } = await run(async (actor, stored) => {
      stored.setBytes(theirs, encodeLock('lock-theirs', 1, true))
      await takeDeletion(actor, 10_000)
    })
    expect(error).toMatchObject({ code: 'locked' })
    expect(store.keys()).toEqual([theirs])
  })

  it('is lost where somebody removed it', async () => {
    const { error } = await run(async (actor, store) => {
      const lock = await takeDeletion(actor)
      store.remove(own)
      await expect(lock.check()).rejects.toMatchObject({ code: 'lock-lost' })
      await lock.release()
    })
    expect(error).toBeUndefined()
  })
})
