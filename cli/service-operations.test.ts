import { describe, expect, it, vi } from 'vitest'
import { GiB, MiB } from '#lib/base/sizes.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { worldSnapshot } from '#test/api-world.ts'
import { startDrover } from '#test/drover-process.ts'
import { succeeding } from '#test/drover-on-service.ts'

import { folder, json, run, service, told } from '#test/service-with-backups.ts'

describe('operations', () => {
  const made: [command: string, result: Record<string, any>, says: RegExp, quiet: string][] = [
    ['volume create new --size 20Mi --target nas', { sizeBytes: 20 * MiB }, /^size +20 MiB$/m, 'primary/new'],
    ['volume attach web', { frontend: 'block', path: '/dev/loop1' }, /^device +\/dev\/loop1$/m, '/dev/loop1'],
    ['volume attach web --maintenance', { frontend: 'none', path: null }, /for maintenance/, ''],
    ['volume detach web', {}, /^detached volume primary\/web$/m, ''],
    ['volume expand web --size 2Gi', { sizeBytes: 2 * GiB }, /^size +2 GiB$/m, ''],
    ['volume delete db --yes', {}, /^deleted volume primary\/db \(1 GiB\) with 0 snapshots$/m, ''],
    [
      'snapshot create web mine --label team=shop',
      { snapshot: 'mine', consistency: 'crash' },
      /^consistency +crash$/m,
      'mine',
    ],
    ['snapshot delete web snap-one', {}, /^deleted snapshot snap-one of volume primary\/web$/m, ''],
    ['snapshot revert db snap-one --yes', {}, /^volume primary\/db is as it was in snapshot snap-one$/m, ''],
    [
      'backup create web --name mine',
      { outcome: 'made', backup: 'mine', snapshot: 'snap', newBlocks: 1, newBytes: 512 },
      /^uploaded +1 block, 512 B$/m,
      'nas/web/mine',
    ],
    [
      'backup verify nas/web/one',
      { checkedBlocks: 3, checkedBytes: 6 * MiB, badBlocks: 0 },
      /^3 blocks, 6 MiB read: nothing is wrong$/m,
      '',
    ],
    [
      'backup verify nas/web/latest',
      { checkedBlocks: 1, checkedBytes: 2 * MiB, badBlocks: 0 },
      /^1 block, 2 MiB read: nothing is wrong$/m,
      '',
    ],
    [
      'backup delete nas/web/one --yes',
      { deletedBlocks: 2, deletedBytes: 4 * MiB },
      /^freed 4 MiB: 2 unused blocks deleted$/m,
      '',
    ],
    [
      'backup collect nas/web',
      { deletedBlocks: 0, deletedBytes: 0 },
      /^freed 0 B: 0 unused blocks deleted$/m,
      '',
    ],
    [
      'restore nas/web/latest --volume again',
      { sizeBytes: GiB, lostBlocks: 0 },
      /^restored +nas\/web\/two\nvolume +primary\/again, 1 GiB$/m,
      'primary/again',
    ],
  ]
  const prepare = async (command: string): Promise<void> => {
    if (command.includes('revert'))
      await service.world.things.snapshots.create({ ...worldSnapshot, volume: 'db' })
  }

  it.each(made)('%s waits for its end', async (command, result, says) => {
    await prepare(command)
    const { code, stdout, stderr } = await run(command, { agent: succeeding(result) })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(says)
    const [{ id }] = (await json('operation list')).items
    expect(await told(`operation show ${id}`)).toMatch(/^state +succeeded$/m)
  })

  it.each(made)('%s --quiet prints what a script goes on with', async (command, result, _says, quiet) => {
    await prepare(command)
    const { code, stdout } = await run(`${command} --quiet`, { agent: succeeding(result) })
    expect({ code, stdout: stdout.trimEnd() }).toEqual({ code: 0, stdout: quiet })
  })

  it.each(made)('%s --no-wait ends at once', async (command) => {
    await prepare(command)
    const operation = await json(`${command} --no-wait`)
    expect(operation).toMatchObject({ state: 'queued' })
    expect(await told('operation list --open --quiet')).toBe(`${operation.id}\n`)
  })

  it('that found or left out what is bad end with 4', async () => {
    const bad = { checkedBlocks: 3, checkedBytes: 6 * MiB, badBlocks: 1 }
    const verified = await run('backup verify nas/web/one', { agent: succeeding(bad) })
    expect(verified).toMatchObject({ code: 4, stdout: expect.stringContaining('1 bad block;') })
    const lost = { sizeBytes: GiB, lostBlocks: 2 }
    const restored = await run('restore nas/web/one --volume again --salvage', { agent: succeeding(lost) })
    expect(restored).toMatchObject({ code: 4, stdout: expect.stringContaining('2 blocks, which are zeros') })
  })

  it('show their progress', async () => {
    const progress = (doneBytes: number) => ({ phase: 'backing up', doneBytes, totalBytes: 100 })
    const { code, steps } = await run('backup create web', {
      agent: (operation, looks) =>
        looks < 3
          ? { state: 'running', progress: progress(looks) }
          : { state: 'succeeded', endedAt: operation.createdAt, result: {} },
    })
    expect(code).toBe(0)
    expect(steps.slice(0, 2)).toEqual([
      { what: 'backing up', done: 1, total: 100, unit: 'bytes' },
      { what: 'backing up', done: 2, total: 100, unit: 'bytes' },
    ])
  })

  it('that fail end the command with their message, code and hint', async () => {
    const failure = { code: 'volume-attached', message: 'volume web is mounted', hint: 'unmount it' }
    const agent = () => ({ state: 'failed' as const, failure, endedAt: '2026-01-01T00:00:00Z' })
    expect(await run('volume detach web', { agent })).toMatchObject({
      code: 5,
      stdout: '',
      stderr: 'drover: detach-volume of primary/web failed: volume web is mounted\n  hint: unmount it\n',
    })
    const { stderr } = await run('volume detach web --json', { agent })
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'volume-attached', hint: 'unmount it' } })
  })

  it('that are cancelled elsewhere are told as such', async () => {
    const agent = () => ({ state: 'cancelled' as const, endedAt: '2026-01-01T00:00:00Z' })
    const { code, stderr } = await run('backup create web', { agent })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /create-backup of primary\/web was cancelled\n {2}hint: see: drover operation show /,
    )
  })

  it('go on after Ctrl-C where nobody can be asked', async () => {
    const { code, stdout, questions } = await run('backup create web', { interruptAt: 2 })
    expect({ code, questions }).toEqual({ code: 130, questions: [] })
    expect(stdout).toMatch(/\n\nit goes on: drover operation watch \S+\n$/)
    expect((await json('operation list --open')).items).toMatchObject([{ isCancelRequested: false }])
  })

  it('go on after the Ctrl-C of a process', async () => {
    const { url, world } = service
    const env = { DROVER_URL: url, DROVER_TOKEN: world.tokens.operator }
    const waiting = startDrover(folder, ['backup', 'create', 'web'], env)
    await vi.waitFor(async () => {
      expect(await told('operation list --open --quiet')).not.toBe('')
    }, 20_000)
    waiting.interrupt()
    const { code, stdout, stderr } = await waiting.ended
    expect(code).toBe(130)
    expect(stdout).toMatch(/\nit goes on: drover operation watch \S+\n$/)
    expect(stderr).toContain('drover: interrupted')
  })

  it.each([
    [true, 'it was told to end'],
    [false, 'it goes on'],
  ])('are cancelled by Ctrl-C if the answer is %s', async (answer, says) => {
    const { code, stdout, questions } = await run('backup create web', { interruptAt: 2, answer })
    const { items } = await json('operation list --open')
    expect(items).toMatchObject([{ isCancelRequested: answer }])
    expect(questions).toEqual([`cancel operation ${items[0].id} too?`])
    expect({ code, stdout }).toEqual({ code: 130, stdout: expect.stringContaining(`\n\n${says}: `) })
  })

  it('can be listed, watched and cancelled', async () => {
    const { id } = await json('backup create web --no-wait')
    expect(await told('operation list --volume web')).toMatch(/create-backup +primary\/web +queued/)
    expect(await json('operation list --volume db')).toEqual({ items: [] })
    expect(await told(`operation cancel ${id}`)).toMatch(/^state +queued, told to end$/m)
    const ended = await run(`operation watch ${id}`, { agent: succeeding({ backup: 'one' }) })
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^result +backup=one$/m) })
    expect(await told(`operation list --limit 1 --quiet`)).toBe(`${id}\n`)
  })

  it('of a volume are watched with it, until it is gone', async () => {
    const { things } = service.world
    await run('volume detach web --no-wait')
    const watched = await run('volume watch web --json', {
      agent: async (_operation, looks) => {
        if (looks < 3) return { state: 'running' }
        await things.volumes.remove(catalogKeys.volume('primary', 'web'))
        return { state: 'succeeded', endedAt: '2026-01-01T00:00:00Z' }
      },
    })
    const documents = watched.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(documents.map(({ volume, operations: [first] }) => [volume?.state, first?.state])).toEqual([
      ['attached', 'queued'],
      ['attached', 'running'],
      [undefined, undefined],
    ])
    expect(watched.code).toBe(0)
  })
})
