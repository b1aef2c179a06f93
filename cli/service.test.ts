import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { writeLocalServer } from '#lib/api/local-server.ts'
import { randomIds } from '#lib/base/ids.ts'
import { initPool } from '#lib/volume/pool.ts'
import { isLoopback } from './open-api.ts'
import { apiWorld, worldSnapshot } from '#test/api-world.ts'
import { succeeding } from '#test/drover-on-service.ts'

import { folder, json, run, serveInstead, service, told } from '#test/service-with-backups.ts'

describe('what there is', () => {
  const views: [command: string, says: RegExp, quiet: string, json: object][] = [
    ['cluster list', /^primary {2}2026-/m, 'primary', { items: [{ name: 'primary' }] }],
    ['cluster show primary', /^cluster +primary$/m, 'primary', { name: 'primary' }],
    [
      'node list',
      /^node-1 +primary .* copy +50 GiB of 100 GiB +1\.0\.0$/m,
      'node-1',
      { items: [{ name: 'node-1' }] },
    ],
    ['node show node-1', /^free +50 GiB of 100 GiB$/m, 'node-1', { name: 'node-1' }],
    [
      'volume list',
      /^primary\/web +node-1 +1 GiB .* attached +\/dev\/loop7 +nas\/web$/m,
      'primary/db\nprimary/web',
      { items: [{ name: 'db' }, { name: 'web' }] },
    ],
    ['volume show web', /^takes part in +group default$/m, 'primary/web', { name: 'web', state: 'attached' }],
    ['volume show primary/web', /^device +\/dev\/loop7$/m, 'primary/web', { name: 'web' }],
    [
      'snapshot list web',
      /^snap-one {2}2026-\S+ .* users +file system$/m,
      'snap-one',
      { items: [{ name: 'snap-one' }] },
    ],
    ['snapshot list db', /^volume primary\/db has no snapshots$/m, '', { items: [] }],
    [
      'backup list',
      /^nas\/web\/three .* not restorable: its cfg is damaged$/m,
      'nas/web/three\nnas/web/two\nnas/web/one',
      { items: [{ name: 'three' }, { name: 'two' }, { name: 'one' }] },
    ],
    [
      'backup list nas',
      /^nas\/web +1 GiB +two +2026-01-02T00:00:00Z$/m,
      'nas/web',
      { items: [{ name: 'web' }] },
    ],
    [
      'backup list nas/web',
      /^nas\/web\/one .* 2 MiB +full +nightly +ok$/m,
      'nas/web/three\nnas/web/two\nnas/web/one',
      { items: [{}, {}, {}] },
    ],
    [
      'backup list nas --volume web',
      /^nas\/web\/one /m,
      'nas/web/three\nnas/web/two\nnas/web/one',
      { items: [{}, {}, {}] },
    ],
    ['backup show nas/web/latest', /^backup +nas\/web\/two$/m, 'nas/web/two', { name: 'two' }],
    ['backup show nas/web/one', /^labels +RecurringJob=nightly$/m, 'nas/web/one', { name: 'one' }],
    [
      'target list',
      /^nas +file:\/\/\/backups\/ +- +- +never +not looked at yet$/m,
      'nas',
      { items: [{ name: 'nas' }] },
    ],
    ['target show nas', /^looked at +never\nstate +not looked at yet$/m, 'nas', { name: 'nas' }],
    ['target secret list', /^there are no secrets$/m, '', { items: [] }],
    ['job list', /^there are no jobs$/m, '', { items: [] }],
    ['operation list', /^there are no operations$/m, '', { items: [] }],
    ['operation list --open', /^nothing is under way$/m, '', { items: [] }],
    [
      'setting list',
      /^backupstore-poll-interval +60$/m,
      'default-backup-target\nbackupstore-poll-interval',
      { items: [{ value: null }, { value: 60 }] },
    ],
    [
      'setting get backupstore-poll-interval',
      /^value +60$/m,
      '60',
      { name: 'backupstore-poll-interval', value: 60 },
    ],
  ]

  it.each(views)('%s', async (command, says, quiet, document) => {
    const before = await service.world.snapshotOfAll()
    expect(await told(command)).toMatch(says)
    expect((await told(`${command} --quiet`)).trimEnd()).toBe(quiet)
    expect(await json(command)).toMatchObject(document)
    expect(await service.world.snapshotOfAll()).toBe(before)
  })

  it('draws snapshots as a tree', async () => {
    const { snapshots } = service.world.things
    for (const name of ['left', 'right'])
      await snapshots.create({ ...worldSnapshot, name, parent: 'snap-one' })
    await snapshots.create({ ...worldSnapshot, name: 'orphan', parent: 'gone' })
    const lines = (await told('snapshot list web')).trimEnd().split('\n')
    expect(lines.slice(1).map((line) => line.slice(0, 13).trimEnd())).toEqual([
      '├─ orphan',
      '└─ snap-one',
      '   ├─ left',
      '   └─ right',
    ])
  })
})

describe('changes', () => {
  it('of clusters and nodes', async () => {
    expect(await json('cluster create standby')).toMatchObject({ name: 'standby' })
    expect(await told('cluster delete standby')).toBe('deleted cluster standby\n')
    await service.world.things.nodes.create({
      name: 'node-9',
      cluster: 'primary',
      joinedAt: '2026-01-01T00:00:00Z',
      heardAt: null,
      version: null,
      pool: null,
      inventory: null,
    })
    expect(await told('node delete node-9')).toBe('removed node node-9\n')
  })

  const poolFolder = async (): Promise<string> => {
    const path = join(folder, 'pool')
    await initPool({ folder: path, kind: 'copy', ids: randomIds })
    return path
  }

  it('make a machine a node by a token that need not be an argument', async () => {
    const made = await told('node token --cluster primary --expires-in 1h')
    expect(made).toMatch(/^ {2}DROVER_JOIN_TOKEN=drover_\S+ \\\n {2}drover node join --url \S+ --name NAME/m)
    vi.stubEnv('DROVER_JOIN_TOKEN', (await told('node token --quiet')).trim())
    const agent = join(folder, 'agent')
    const joined = await told(`node join --name node-3 --pool ${await poolFolder()} --folder ${agent}`)
    expect(joined).toContain(`start its agent with: drover-agent --folder ${agent}`)
    expect(JSON.parse(await readFile(join(agent, 'agent.json'), 'utf8'))).toMatchObject({ node: 'node-3' })
    expect((await stat(join(agent, 'agent.json'))).mode & 0o077).toBe(0)
  })

  it('make a machine a node by an address and a token as arguments', async () => {
    const token = (await told('node token --quiet')).trim()
    const agent = join(folder, 'agent')
    vi.stubEnv('DROVER_URL', 'http://127.0.0.1:1')
    const options = `--name node-3 --pool ${await poolFolder()} --folder ${agent}`
    expect(await json(`node join ${service.url} ${token} ${options}`)).toMatchObject({ node: 'node-3' })
  })

  it('keep the token for another try where the folder is no pool', async () => {
    vi.stubEnv('DROVER_JOIN_TOKEN', (await told('node token --quiet')).trim())
    const command = `node join --name node-3 --pool ${folder}/pool --folder ${folder}/agent`
    const refused = await run(command)
    expect(refused).toMatchObject({ code: 3, stdout: '' })
    expect(refused.stderr).toContain(`hint: make it one with: drover pool init ${folder}/pool`)
    await poolFolder()
    await told(command)
  })

  it('tell of an address that only this machine reaches', async () => {
    expect(await told('node token')).toContain(`${service.url} is an address within this machine`)
    expect(isLoopback('https://[::1]:8780')).toBe(true)
    expect(isLoopback('https://localhost:8780')).toBe(true)
    expect(isLoopback('https://127.example.com')).toBe(false)
    expect(isLoopback('https://drover.example.com')).toBe(false)
  })

  it('of targets, and of secrets that are never shown', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIACANARY')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret-canary')
    const kept = await told('target secret put aws')
    expect(kept).toBe('kept secret aws: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY\n')
    await writeFile(join(folder, 'minio.env'), 'AWS_ACCESS_KEY_ID=AKIA\nAWS_SECRET_ACCESS_KEY="of a file"\n')
    expect(await json(`target secret put minio --from-file ${folder}/minio.env`)).toEqual({
      name: 'minio',
      keys: ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'],
    })
    expect(await service.world.deps.secrets.get('minio')).toMatchObject({
      AWS_SECRET_ACCESS_KEY: 'of a file',
    })
    expect(await told('target secret list --quiet')).toBe('aws\nminio\n')
    expect(await told('target create cloud --url s3://backups@eu-central-1/ --secret aws')).toMatch(
      /^secret +aws$/m,
    )
    expect(await told('target delete cloud')).toContain('its backups stay where they are')
    expect(await told('target secret delete aws')).toBe('deleted secret aws\n')
    expect(await told('target index nas')).toMatch(/^found +0 volumes, 0 backups$/m)
    expect(await json('catalog rebuild nas')).toMatchObject({ target: 'nas', backups: 0, problems: [] })
  })

  /** A service that has others look at its targets: they are done when the target was asked for `after` times. */
  const lookingElsewhere = async (after: number, failure: string | null = null) => {
    let isAsked = false
    const world = await apiWorld({
      askForLook: async () => {
        isAsked = true
      },
    })
    const { targets } = world.things
    const { get } = targets
    let asked = 0
    targets.get = async (key) => {
      if (isAsked && ++asked === after)
        await targets.change(
          key,
          (there) => there && { ...there, indexedAt: '2026-01-01T00:10:00Z', failure },
        )
      return get(key)
    }
    await serveInstead(world)
    vi.stubEnv('DROVER_TOKEN', world.tokens.admin)
  }

  it('wait for a look at a target that others take', async () => {
    await lookingElsewhere(3)
    expect(await told('target index nas')).toMatch(/^looked at +2026-01-01T00:10:00Z\nstate +ok$/m)
    await lookingElsewhere(1, 'no route to host')
    expect(await run('target index nas --json')).toMatchObject({
      code: 4,
      stdout: expect.stringContaining('no route to host'),
    })
  })

  it('say that a look goes on which is not waited for any longer', async () => {
    const goesOn = { stdout: expect.stringMatching(/goes on; see .* drover target show nas$/m) }
    await lookingElsewhere(Infinity)
    expect(await run('target index nas')).toMatchObject({ code: 1, ...goesOn })
    expect(await run('target index nas', { interruptAt: 3 })).toMatchObject({ code: 130, ...goesOn })
  })

  it('of what a volume takes part in', async () => {
    for (const name of ['nightly', 'hourly']) {
      const { client } = service.world
      await client('admin').jobs.put(name, { task: 'backup', cron: '0 2 * * *', retain: 1, groups: ['fast'] })
    }
    expect(await json('volume set web --job nightly hourly --group fast')).toMatchObject({
      jobs: ['nightly', 'hourly'],
      groups: ['fast'],
      target: 'nas',
    })
    expect(await told('volume set web --no-jobs --no-groups')).toMatch(/^takes part in +group default$/m)
    expect(await json('volume set web --no-target')).toMatchObject({ target: null })
    expect(await json('volume set web --target nas --backup-volume other')).toMatchObject({
      backupVolume: 'other',
    })
  })

  it('name groups that no job has, and tell so', async () => {
    const changed = await run('volume set web --group slow')
    expect(changed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^takes part in +group slow$/m) })
    expect(changed.stderr).toContain('no job has the group slow')
    const made = await run('volume create new --size 1Gi --group slow --no-wait')
    expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining('no job has the group slow') })
  })

  it('of jobs keep what is not given', async () => {
    const create = ['job', 'create', 'nightly', '--task', 'backup', '--cron', '0 2 * * *', '--retain', '14']
    const made = await service.drover([...create, '--label', 'team=shop', '--group', 'default'])
    expect(made.stdout).toMatch(/^cron +0 2 \* \* \* \(UTC\)$/m)
    expect(await json('job set nightly --retain 30 --disable')).toEqual({
      name: 'nightly',
      task: 'backup',
      cron: '0 2 * * *',
      retain: 30,
      labels: { team: 'shop' },
      groups: ['default'],
      isEnabled: false,
    })
    expect(await json('job set nightly --no-labels --no-groups --enable')).toMatchObject({
      labels: {},
      groups: [],
      isEnabled: true,
    })
    expect(await service.drover(create)).toMatchObject({ code: 2, stdout: '' })
    expect(await told('job list')).toMatch(/^nightly +backup +0 2 \* \* \* +30 +- +on$/m)
    expect(await told('job show nightly --quiet')).toBe('nightly\n')
    expect(await told('job runs nightly')).toBe('job nightly has not run yet\n')
    expect(await told('job run nightly')).toMatch(/no volume takes part/)
    await told('volume set web --job nightly')
    service.world.clock.advance(60_000)
    expect(await told('job run nightly')).toMatch(/^\S+ +primary\/web +under way +\S+$/m)
    expect(await told('job runs nightly --limit 1')).toMatch(/primary\/web +under way/)
    expect((await json('job runs nightly')).items).toHaveLength(2)
    expect(await told('job delete nightly')).toContain('what it made stays')
  })

  it('of settings and tokens', async () => {
    expect(await json('setting set backupstore-poll-interval 300')).toMatchObject({ value: 300 })
    expect(await json('setting set default-backup-target nas')).toMatchObject({ value: 'nas' })
    expect(await told('setting get default-backup-target --quiet')).toBe('nas\n')
    expect(await json('setting reset default-backup-target')).toMatchObject({ value: null })
    const made = await json('token create ci --role viewer --expires-in 30d')
    expect(Date.parse(made.expiresAt) - Date.parse(made.createdAt)).toBe(30 * 86_400_000)
    expect(await told('token list')).toMatch(new RegExp(`^${made.id} +ci +viewer`, 'm'))
    vi.stubEnv('DROVER_TOKEN', made.token)
    expect((await run('token list')).code).toBe(6)
    vi.stubEnv('DROVER_TOKEN', service.world.tokens.admin)
    expect(await told(`token delete ${made.id}`)).toBe(`deleted token ${made.id}\n`)
  })
})

describe('deletions ask', () => {
  it.each([
    ['backup delete nas/web/two', 'delete backup nas/web/two, of 2026-01-02T00:00:00Z?'],
    ['volume delete db', 'delete volume primary/db (1 GiB) with 0 snapshots?'],
    [
      'snapshot revert web snap-one',
      'revert volume primary/web to snapshot snap-one? what was written since',
    ],
  ])('%s', async (command, question) => {
    const before = await service.world.snapshotOfAll()
    const { code, stderr, questions } = await run(command, { answer: false })
    expect(code).toBe(1)
    expect(questions).toEqual([expect.stringContaining(question)])
    expect(stderr).toContain('nothing was done')
    expect(await service.world.snapshotOfAll()).toBe(before)
    expect((await run(command, { answer: true, agent: succeeding() })).code).toBe(0)
  })
})

describe('the service', () => {
  it('of this machine is found by itself, with its token', async () => {
    const { tokens } = service.world
    await writeLocalServer(join(folder, 'data'), { url: service.url, token: tokens.viewer })
    vi.stubEnv('DROVER_URL', '')
    vi.stubEnv('DROVER_TOKEN', '')
    expect(await told('cluster list --quiet')).toBe('primary\n')
    expect((await run('cluster create standby')).code).toBe(6)
    vi.stubEnv('DROVER_TOKEN', tokens.admin)
    expect((await run('cluster create standby')).code).toBe(0)
  })

  it('is named by --url and a file with a token', async () => {
    vi.stubEnv('DROVER_URL', 'http://127.0.0.1:1')
    vi.stubEnv('DROVER_TOKEN', '')
    await writeFile(join(folder, 'token'), `${service.world.tokens.viewer}\n`)
    expect(await told(`cluster list --quiet --url ${service.url} --token-file ${folder}/token`)).toBe(
      'primary\n',
    )
  })
})
