import { describe, expect, it } from 'vitest'
import { thaw, whileFrozen } from './freeze.ts'
import type { Host } from './host.ts'
import { VolumeError } from './volume-error.ts'

/** Only what freezing uses; `answers` by the program's first argument. */
const scripted = (answers: Record<string, string | undefined> = {}) => {
  const events: string[] = []
  const host = {
    run: async (program: string, args: readonly string[]) => {
      const action = args[0] ?? ''
      events.push(action)
      const answer = answers[action]
      if (answer !== undefined) throw new VolumeError('host-failed', `${program} ended with 1: ${answer}`)
      return ''
    },
    startWatchdog: async (_: string, args: readonly string[]) => {
      events.push(`watch ${args.slice(-2).join(' ')}`)
      return { stop: () => events.push('stop watching') }
    },
  }
  return { host: host as unknown as Host, events }
}

const options = { mountpoint: '/mnt', deadlineMs: 1500 }

describe('whileFrozen', () => {
  it('syncs and starts the watchdog before it freezes, and stops it after the thaw', async () => {
    const { host, events } = scripted()
    const outcome = await whileFrozen(host, options, async () => events.push('work'))
    expect(outcome).toMatchObject({ wasFrozen: true })
    const [sync, watch] = ['--file-system', 'watch 1.5 /mnt']
    expect(events).toEqual([sync, watch, '--freeze', 'work', '--unfreeze', 'stop watching'])
  })

  it('tells that it was thawed before the work was done', async () => {
    const { host } = scripted({ '--unfreeze': 'unfreeze failed: Invalid argument' })
    expect(await whileFrozen(host, options, async () => 1)).toEqual({ result: 1, wasFrozen: false })
  })

  it.each(['Device or resource busy', 'Operation not supported', 'Inappropriate ioctl for device'])(
    'works without a freeze, and thaws nothing, where it says: %s',
    async (text) => {
      const { host, events } = scripted({ '--freeze': text })
      expect(await whileFrozen(host, options, async () => 1)).toEqual({ result: 1, wasFrozen: false })
      expect(events).not.toContain('--unfreeze')
      expect(events.at(-1)).toBe('stop watching')
    },
  )

  it('thaws when the work fails', async () => {
    const { host, events } = scripted()
    const work = () => Promise.reject(new Error('no clone'))
    await expect(whileFrozen(host, options, work)).rejects.toThrow('no clone')
    expect(events.slice(-2)).toEqual(['--unfreeze', 'stop watching'])
  })

  it('lets the watchdog go on when its own thaw fails', async () => {
    const { host, events } = scripted({ '--unfreeze': 'No such file or directory' })
    await expect(whileFrozen(host, options, async () => 1)).rejects.toThrow('No such file')
    expect(events).not.toContain('stop watching')
  })

  it('lets the watchdog go on when it is not known whether it is frozen', async () => {
    const { host, events } = scripted({ '--freeze': 'Input/output error' })
    await expect(whileFrozen(host, options, async () => 1)).rejects.toThrow('Input/output error')
    expect(events).not.toContain('stop watching')
  })
})

describe('thaw', () => {
  it('tells whether anything was frozen', async () => {
    expect(await thaw(scripted().host, '/mnt')).toBe(true)
    expect(await thaw(scripted({ '--unfreeze': 'Invalid argument' }).host, '/mnt')).toBe(false)
  })
})
