import { describe, expect, it } from 'vitest'
import { idleClock } from '#test/idle-clock.ts'
import { findLeftovers, isAnythingLeft } from './find-leftovers.ts'
import { workingInstallation, type WorkingInstallationSettings } from '#test/working-installation.ts'
import { uninstall, type UninstallStep } from './uninstall.ts'

const world = (settings?: WorkingInstallationSettings) => {
  const there = workingInstallation(settings)
  const steps: UninstallStep[] = []
  const clock = idleClock(0)
  const { signal } = new AbortController()
  const { installation } = there
  const run = uninstall({ installation, clock, signal, onStep: (step) => steps.push(step) })
  return { ...there, clock, steps, run: (keepSecrets = false) => run({ keepSecrets }) }
}
const madeOf = ({ made }: Pick<ReturnType<typeof world>, 'made'>) =>
  Object.values(made).map((names) => names.size)

describe('uninstall', () => {
  it('leaves nothing of what functions make until the stack is gone', async () => {
    const there = world()
    const { left, isComplete } = await there.run()
    expect({ isComplete, made: madeOf(there) }).toEqual({ isComplete: true, made: [0, 0, 0] })
    expect(left).toMatchObject({ stack: { kind: 'deleted' }, rules: [], queues: [], secrets: [] })
  })

  it('removes nothing that functions made before the stack is gone, and rules before queues', async () => {
    const there = world()
    await there.run()
    const removals = there.calls.filter((call) => /deletion|remove/.test(call))
    expect([...new Set(removals)]).toEqual(['deletion', 'remove rules', 'remove queues', 'remove secrets'])
    expect(there.calls.indexOf('remove rules')).toBeGreaterThan(there.calls.lastIndexOf('deletion'))
  })

  it('tells how far it is', async () => {
    const there = world()
    await there.run()
    expect(there.steps.filter(({ what }) => what === 'stack')).toEqual([
      { what: 'stack', done: 1, total: 3 },
      { what: 'stack', done: 3, total: 3 },
    ])
    expect(new Set(there.steps.map(({ what }) => what))).toEqual(
      new Set(['stack', 'rules', 'queues', 'secrets']),
    )
  })

  it('cut off at any call, and run again, ends as if it had not been', async () => {
    const whole = world()
    await whole.run()
    const calls = whole.calls.length
    expect(calls).toBeGreaterThan(20)
    for (let call = 1; call <= calls; call++) {
      const there = world({ cutOffAt: { call } })
      await expect(there.run()).rejects.toThrow('cut off')
      expect(await there.run()).toMatchObject({ isComplete: true })
      expect(madeOf(there)).toEqual([0, 0, 0])
    }
  })

  it('twice is fine, and so is a stack that is not there', async () => {
    const there = world()
    await there.run()
    expect(await there.run()).toMatchObject({ isComplete: true })
    const gone = world({ isGone: true })
    gone.made.rules.add('left by somebody who deleted the stack in the console')
    expect(await gone.run()).toMatchObject({ isComplete: true, left: { stack: { kind: 'unknown' } } })
    expect(madeOf(gone)).toEqual([0, 0, 0])
    expect(gone.calls).not.toContain('startDeletion')
  })

  it('keeps secrets where it is to, and is complete with them', async () => {
    const there = world()
    const { left, isComplete } = await there.run(true)
    expect(isComplete).toBe(true)
    expect(left.secrets).not.toEqual([])
    expect(left).toMatchObject({ rules: [], queues: [] })
    expect(there.calls).not.toContain('remove secrets')
  })

  it('waits until what it removed is no longer listed', async () => {
    const there = world({ listedAfterRemoval: 4 })
    expect(await there.run()).toMatchObject({ isComplete: true })
  })

  it('says what is left after all, instead of waiting for ever', async () => {
    const there = world({ listedAfterRemoval: 1000 })
    const { left, isComplete } = await there.run()
    expect(isComplete).toBe(false)
    expect(left.queues).not.toEqual([])
    expect(there.clock.now().getTime()).toBeLessThan(600_000)
  })

  it('stops at a stack that cannot be deleted, and touches nothing of what its functions use', async () => {
    const there = world({ failures: ['Bucket: it is not empty'] })
    await expect(there.run()).rejects.toMatchObject({
      code: 'deletion-failed',
      message: expect.stringContaining('Bucket: it is not empty'),
    })
    expect(there.calls.filter((call) => call.startsWith('remove'))).toEqual([])
  })

  it('touches no stack of anybody else', async () => {
    const there = world({ stack: { isDrover: false } })
    await expect(there.run()).rejects.toMatchObject({ code: 'not-drover' })
    expect(there.calls).toEqual(['look'])
  })
})

describe('what is left', () => {
  it('is a stack that is there, or anything made; not what CloudFormation kept', async () => {
    const { installation } = workingInstallation({ isGone: true })
    const nothing = await findLeftovers(installation)
    expect(isAnythingLeft(nothing)).toBe(false)
    const stack = { kind: 'deleted' as const, id: 'x', deletedAt: 'then', kept: [{ type: 't', name: 'n' }] }
    expect(isAnythingLeft({ ...nothing, stack })).toBe(false)
    for (const kind of ['rules', 'queues', 'secrets'])
      expect(isAnythingLeft({ ...nothing, [kind]: ['one'] })).toBe(true)
    expect(isAnythingLeft(await findLeftovers(workingInstallation().installation))).toBe(true)
  })
})
