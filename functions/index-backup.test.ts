import { beforeEach, describe, expect, it } from 'vitest'
import { memoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import { controlPlaneOnMemory, sqsEvent, type ControlPlaneOnMemory } from '#test/control-plane-on-memory.ts'
import { indexTargetNow } from './index-backup.ts'

const written = (key: string) => ({
  source: 'aws.s3',
  'detail-type': 'Object Created',
  detail: { bucket: { name: 'backups' }, object: { key: `nas/${key}` } },
})
const web = volumeKeys('web')

describe('index-backup', () => {
  let plane: ControlPlaneOnMemory
  beforeEach(async () => {
    plane = await controlPlaneOnMemory()
  })

  it('has in the catalog what an event told of, also twice and in any order', async () => {
    await plane.backUp('first')
    await plane.backUp('second')
    await plane.handlers.indexBackup(written(web.backupConfig('second')))
    await plane.handlers.indexBackup(written(web.backupConfig('first')))
    await plane.handlers.indexBackup(written(web.volumeConfig))
    expect(await plane.backupNames()).toEqual(['first', 'second'])
    expect(await plane.targetRow()).toMatchObject({ failure: null, indexedAt: null })
  })

  it('looks once at what a batch tells of several times', async () => {
    await plane.backUp('first')
    const events = [web.volumeConfig, web.backupConfig('first'), web.lock('lock-1')].map(written)
    await plane.handlers.indexBackup(sqsEvent(undefined, ...events))
    expect(await plane.backupNames()).toEqual(['first'])
    expect(plane.target.opened).toBe(1)
    expect(plane.logged.filter(({ event }) => event === 'backup volume indexed')).toHaveLength(1)
  })

  it('opens no target for what is nothing of it', async () => {
    await plane.handlers.indexBackup(written(web.block('0'.repeat(64))))
    expect(plane.target.opened).toBe(0)
  })

  it('shows at the target why it cannot be looked at, and throws, so that the event comes again', async () => {
    await plane.backUp('first')
    plane.target.fault = new Error('no route to host')
    const event = written(web.volumeConfig)
    await expect(plane.handlers.indexBackup(event)).rejects.toMatchObject({ code: 'incomplete' })
    expect(await plane.targetRow()).toMatchObject({ failure: 'no route to host' })
    plane.target.fault = undefined
    await plane.handlers.indexBackup(event)
    expect(await plane.backupNames()).toEqual(['first'])
  })

  it('looks at what it can read and reach, whatever else is in the batch', async () => {
    await plane.backUp('first')
    const batch = sqsEvent(undefined, { hello: 'world' }, written(web.volumeConfig))
    await expect(plane.handlers.indexBackup(batch)).rejects.toMatchObject({ code: 'incomplete' })
    expect(await plane.backupNames()).toEqual(['first'])
  })

  it('refuses an event that nobody is known to send', async () => {
    await expect(plane.handlers.indexBackup({ hello: 'world' })).rejects.toMatchObject({
      cause: { code: 'unreadable-event' },
    })
  })
})

describe('the look at all of a target', () => {
  it('says when, and that nothing is wrong', async () => {
    const plane = await controlPlaneOnMemory()
    await plane.backUp('first')
    plane.target.fault = new Error('no route to host')
    await expect(indexTargetNow(plane.deps)('nas')).rejects.toThrow('no route to host')
    expect(await plane.targetRow()).toMatchObject({ failure: 'no route to host', indexedAt: null })
    plane.target.fault = undefined
    expect(await indexTargetNow(plane.deps)('nas')).toMatchObject({ backups: 1, problems: [] })
    const indexedAt = plane.clock.now().toISOString()
    expect(await plane.targetRow()).toMatchObject({ failure: null, indexedAt })
  })

  it('says what is wrong, not at any length', async () => {
    const plane = await controlPlaneOnMemory()
    for (let number = 1; number <= 20; number++) {
      const volume = `volume-${number}-${'x'.repeat(50)}`
      await plane.target.store.put(volumeKeys(volume).backupConfig('b1'), Buffer.from('no config'))
    }
    await indexTargetNow(plane.deps)('nas')
    const { failure } = (await plane.targetRow()) ?? {}
    expect(failure).toContain('backup_b1.cfg')
    expect(failure).toHaveLength(1000)
  })

  it('takes a store that is empty all at once for a share that is not mounted', async () => {
    const plane = await controlPlaneOnMemory()
    await plane.backUp('first')
    await indexTargetNow(plane.deps)('nas')
    const mounted = plane.target.store
    plane.target.store = memoryObjectStore({ clock: plane.clock })
    await expect(indexTargetNow(plane.deps)('nas')).rejects.toMatchObject({ code: 'empty-target' })
    expect(await plane.backupNames()).toEqual(['first'])
    expect(await plane.targetRow()).toMatchObject({ failure: expect.stringContaining('held backups before') })
    plane.target.store = mounted
    expect(await indexTargetNow(plane.deps)('nas')).toMatchObject({ backups: 1 })
    expect(await plane.targetRow()).toMatchObject({ failure: null })
  })

  it('by hand takes an empty store as it is, and says when also that it cannot be looked at', async () => {
    const plane = await controlPlaneOnMemory()
    const look = {
      source: 'drover',
      'detail-type': 'Target Look Due',
      detail: { stack: 'drover', target: 'nas', byHand: true },
    }
    await plane.backUp('first')
    await plane.handlers.indexBackup(look)
    plane.target.fault = new Error('no route to host')
    plane.clock.advance(60_000)
    await expect(plane.handlers.indexBackup(look)).rejects.toMatchObject({ code: 'incomplete' })
    const indexedAt = plane.clock.now().toISOString()
    expect(await plane.targetRow()).toMatchObject({ failure: 'no route to host', indexedAt })
    plane.target.fault = undefined
    plane.target.store = memoryObjectStore({ clock: plane.clock })
    await plane.handlers.indexBackup(look)
    expect(await plane.targetRow()).toMatchObject({ failure: null })
    expect(await plane.backupNames()).toEqual([])
  })

  it('of one that is gone is nothing', async () => {
    const plane = await controlPlaneOnMemory()
    expect(await indexTargetNow(plane.deps)('none')).toBe(undefined)
  })
})
