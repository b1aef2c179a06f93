import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { randomIds } from '#lib/base/ids.ts'
import { initPool } from '#lib/volume/pool.ts'
import { droverOnService, type DroverOnService } from '#test/drover-on-service.ts'
import { droverProgram } from './program.ts'

let service: DroverOnService
let folder: string
/** Where nobody listens. */
let closedUrl: string
beforeAll(async () => {
  const gone = await droverOnService()
  closedUrl = gone.url
  await gone.stop()
  folder = await mkdtemp(join(tmpdir(), 'drover-service-refusals-'))
  service = await droverOnService()
  await initPool({ folder: join(folder, 'pool'), kind: 'copy', ids: randomIds })
  await writeFile(join(folder, 'two.lines'), 'one\ntwo\n')
  await writeFile(join(folder, 'odd.env'), 'AWS_ACESS_KEY_ID=AKIACANARY\n')
  await writeFile(join(folder, 'half.env'), 'AWS_ACCESS_KEY_ID=AKIACANARY\n')
})
beforeEach(() => {
  vi.stubEnv('DROVER_URL', service.url)
  vi.stubEnv('DROVER_TOKEN', service.world.tokens.admin)
  vi.stubEnv('DROVER_DATA', join(folder, 'data'))
  for (const name of ['DROVER_CLUSTER', 'DROVER_JOIN_TOKEN', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'])
    vi.stubEnv(name, '')
})
afterEach(() => vi.unstubAllEnvs())
afterAll(async () => {
  await service.stop()
  await rm(folder, { recursive: true, force: true })
})

const job = 'job create nightly --task backup --retain 2'

/** `FOLDER` is the test's, `CLOSED` a URL where nobody listens. Arguments, exit code, and what stderr must say. */
const refusals: [command: string, code: number, ...says: string[]][] = [
  ['cluster show nothing', 3, 'there is no cluster nothing', 'drover cluster list'],
  ['cluster create Standby', 2, 'name has lower case letters'],
  ['cluster create primary', 2, 'primary'],
  ['cluster delete primary', 5, 'drover node list --cluster primary'],
  ['cluster list --url 127.0.0.1', 2, 'is no address of a service', 'http://127.0.0.1:8780'],
  ['cluster list --token-file FOLDER/nothing', 2, 'cannot read'],
  ['cluster list --token-file FOLDER/two.lines', 2, 'has no token', 'one word on one line'],
  ['cluster list --url CLOSED', 6, 'does not answer: ECONNREFUSED', 'npm start'],
  ['node list --cluster Standby', 2, 'cluster has lower case letters'],
  ['node show node-9', 3, 'there is no node node-9'],
  ['node delete node-1', 5, 'delete its volumes first'],
  ['node token --cluster nothing', 3, 'there is no cluster nothing'],
  ['node token --expires-in 1y', 2, 'Write it as 1h or 30d'],
  ['node token --expires-in 30d', 2, 'expiresInSeconds'],
  [
    'node join --url ftp://host --name node-3 --pool FOLDER/pool --folder FOLDER/agent',
    2,
    'is no address of a service',
  ],
  [
    'node join --name node-3 --pool FOLDER/pool --folder FOLDER/agent',
    2,
    'no token to join with was given',
    'DROVER_JOIN_TOKEN',
  ],
  [
    'node join --name node-3 --pool FOLDER/pool --folder FOLDER/agent --token-file FOLDER/half.env',
    6,
    'was refused',
    'hint',
  ],
  [
    'node join http://127.0.0.1:1 --url http://127.0.0.1:1 --name n --pool FOLDER/pool --folder FOLDER/agent',
    2,
    'an argument and --url say the same thing',
  ],
  [
    'node join http://127.0.0.1:1 token --token-file x --name n --pool FOLDER/pool --folder FOLDER/agent',
    2,
    'an argument and --token-file say the same thing',
  ],
  [
    'node join --name node-3 --pool FOLDER/none --folder FOLDER/agent --token-file FOLDER/half.env',
    3,
    'is no pool of volumes',
    'drover pool init',
  ],
  ['volume list --cluster Standby', 2, 'cluster has lower case letters'],
  ['volume list --cluster nothing', 3, 'there is no cluster nothing', 'drover cluster list'],
  ['node list --cluster nothing', 3, 'there is no cluster nothing', 'drover cluster list'],
  ['volume show nothing', 3, 'there is no volume nothing in cluster primary', 'drover volume list'],
  ['volume show a/b/c', 2, '"a/b/c" names no volume', 'standby/web'],
  ['volume show standby/web --cluster primary', 2, 'is in another cluster than --cluster primary'],
  ['volume create new', 2, "required option '--size <size>' not specified", 'drover volume create --help'],
  ['volume create new --size 20GiB', 2, 'Write it as 20Gi'],
  ['volume create standby/new --size 1Gi', 3, 'there is no cluster standby'],
  ['volume create web --size 1Gi', 2, 'already', 'take another name'],
  ['volume create new --size 1Gi --target nothing', 3, 'there is no backup target nothing'],
  ['volume create new --size 1Gi --node node-9', 3, 'there is no node node-9'],
  [
    'volume create new --size 1Gi --backup-volume web --target nas',
    5,
    'primary/web writes to backup volume web',
  ],
  ['volume set web', 2, 'nothing to change was given', 'drover volume set --help'],
  ['volume set web --job nightly --no-jobs', 2, 'cannot be used with'],
  ['volume set web --job nightly --group fast', 3, 'there is no recurring job nightly', 'drover job list'],
  ['volume create new --size 1Gi --job nightly', 3, 'there is no recurring job nightly', 'drover job list'],
  ['volume set web --target nothing', 3, 'there is no backup target nothing'],
  ['volume attach nothing', 3, 'there is no volume nothing'],
  ['volume detach nothing', 3, 'there is no volume nothing'],
  ['volume expand web --size 20Mi', 2, 'has 1073741824 bytes already', 'never shrink'],
  ['volume delete web', 2, 'deleting volume primary/web throws data away', 'add --yes'],
  ['volume delete web --yes', 5, 'volume web is attached', 'drover volume detach'],
  ['volume watch nothing', 3, 'there is no volume nothing'],
  ['snapshot list nothing', 3, 'there is no volume nothing'],
  ['snapshot create web ../one', 2, 'name'],
  ['snapshot create web --label team', 2, 'has no value'],
  ['snapshot delete web nothing', 3, 'there is no snapshot nothing', 'drover snapshot list'],
  ['snapshot revert web snap-one', 2, 'reverting volume primary/web throws data away', 'add --yes'],
  ['snapshot revert web nothing --yes', 3, 'there is no snapshot nothing'],
  ['backup create nothing', 3, 'there is no volume nothing'],
  ['backup create web --to ./backups', 2, "option '--to' is not for a volume of the service"],
  ['backup create web --lock-wait 1s', 2, "option '--lock-wait' is not for"],
  ['backup create web --snapshot nothing', 3, 'there is no snapshot nothing'],
  ['backup create --from disk.img --to ./backups --volume web --no-wait', 2, "option '--wait' is not for"],
  ['backup list nas/web/one', 2, 'names one backup', 'drover backup show nas/web/one'],
  ['backup list nas/', 2, 'names no backup'],
  ['backup list nas/web --volume db', 2, 'names another volume'],
  ['backup list --volume web', 2, "option '--volume' is not for the backups of all targets"],
  ['backup list nothing', 3, 'there is no backup target nothing', 'drover target list'],
  ['backup list ./backups --token-file FOLDER/half.env', 2, "option '--token-file' is not for a URL"],
  ['backup show nas/web/nothing', 3, 'there is no backup nothing of web in target nas'],
  ['backup show ./backups?backup=one&volume=web', 2, 'drover backup inspect'],
  ['backup verify nas/web', 2, 'names no single backup', 'nas/web/BACKUP'],
  ['backup verify nas/web/nothing', 3, 'there is no backup nothing'],
  ['backup delete nas/web', 2, 'names no single backup'],
  ['backup delete nas/web/one', 2, 'deleting backup nas/web/one throws data away', 'add --yes'],
  ['backup delete nas/web/nothing --yes', 3, 'there is no backup nothing'],
  ['backup delete nas/web/one --all-backups', 2, "option '--all-backups' is not for the service"],
  ['backup collect nas/web/one', 2, 'names no whole backup volume', 'write nas/web'],
  ['backup collect nas/nothing', 3, 'there is no backup volume nothing'],
  ['restore nas/web/one', 2, '--volume was not given', 'standby/web'],
  ['restore nas/web/one --to disk.img', 2, "option '--to' is not for the service"],
  ['restore nas/web/nothing --volume again', 3, 'there is no backup', 'drover backup list nas'],
  ['restore nas/nothing/latest --volume again', 3, 'there is no backup volume nothing'],
  ['restore ./backups?backup=one&volume=web --volume again', 2, "option '--volume' is not for a URL"],
  ['target show nothing', 3, 'there is no backup target nothing'],
  ['target create cloud', 2, "required option '--url <url>' not specified"],
  ['target create cloud --url s3://backups/', 2, 'names no region'],
  ['target create cloud --url file:///x/ --secret nothing', 3, 'drover target secret put nothing'],
  [
    'target create cloud --url nowhere',
    2,
    'drover: backup target URL "nowhere" is not understood',
    'see drover target create --help',
  ],
  ['target create nas --url file:///x/', 2, 'there is a target nas already'],
  ['target delete nas', 5, 'drover volume set'],
  ['target index nothing', 3, 'there is no backup target nothing'],
  ['target secret put aws', 2, 'the environment has no credentials', 'AWS_ACCESS_KEY_ID'],
  ['target secret put aws --from-file FOLDER/nothing', 2, 'cannot read'],
  ['target secret put aws --from-file FOLDER/odd.env', 2, 'AWS_ACESS_KEY_ID', 'there are: AWS_ACCESS_KEY_ID'],
  ['target secret put aws --from-file FOLDER/half.env', 2, 'secret access key not found'],
  ['target secret delete nothing', 3, 'there is no secret nothing'],
  ['catalog rebuild nothing', 3, 'there is no backup target nothing'],
  ['job show nothing', 3, 'there is no recurring job nothing'],
  [job, 2, 'job nightly is new, and --cron was not given', '--task, --cron and --retain'],
  [`${job} --cron 61`, 2, 'drover: cron expression "61": it has 1 fields instead of five'],
  [`${job} --cron @daily --label a`, 2, 'has no value'],
  ['job set nightly --retain 0', 2, 'It is a whole number from 1'],
  ['job set nightly --enable --disable', 2, 'cannot be used with'],
  ['job set nightly --group x --no-groups', 2, 'cannot be used with'],
  ['job delete nothing', 3, 'there is no recurring job nothing'],
  ['job run nothing', 3, 'there is no recurring job nothing'],
  ['job runs nothing', 3, 'there is no recurring job nothing'],
  ['operation list --volume a/b/c', 2, 'names no volume'],
  ['operation list --limit none', 2, 'It is a whole number from 1'],
  ['operation show nothing', 3, 'there is no operation nothing', 'drover operation list'],
  ['operation cancel nothing', 3, 'there is no operation nothing'],
  ['operation watch nothing', 3, 'there is no operation nothing'],
  ['setting get nothing', 3, 'there is no setting nothing', 'there are: default-backup-target'],
  [
    'setting set backupstore-poll-interval often',
    2,
    'setting backupstore-poll-interval',
    'its default is 60',
  ],
  ['setting reset nothing', 3, 'there is no setting nothing'],
  ['token create ci', 2, "required option '--role <role>' not specified"],
  ['token create ci --role root', 2, 'Allowed choices are viewer, operator, admin'],
  ['token delete nothing', 2, "is a token's id"],
  ['token delete 0123456789abcdef', 3, '0123456789abcdef'],
  ['completion tcsh', 2, 'Allowed choices are bash, zsh, fish'],
]

const argumentsOf = (command: string): string[] =>
  command.replaceAll('FOLDER', folder).replaceAll('CLOSED', closedUrl).split(' ')

/** All but the keys of requests, which are kept also of those that are refused. */
const allThere = async (): Promise<unknown> => {
  const all = JSON.parse(await service.world.snapshotOfAll())
  return { ...all, items: all.items.filter(({ key }: any) => key.partition !== 'request') }
}

describe('drover refuses', () => {
  it.each(refusals)('%s', async (command, code, ...says) => {
    const before = await allThere()
    const ended = await service.drover(argumentsOf(command))
    expect(ended).toMatchObject({ code, stdout: '' })
    expect(ended.stderr).toMatch(/^drover: .*\n(?: {2}.*\n)*$/)
    for (const text of says) expect(ended.stderr).toContain(text)
    expect(ended.stderr).not.toContain('AKIACANARY')
    expect(await allThere()).toEqual(before)
  })

  it('something of each command of the service', () => {
    const leaves = (command: Command, path: string): string[] =>
      command.commands.length === 0
        ? [path]
        : command.commands.flatMap((sub) => leaves(sub, `${path} ${sub.name()}`.trim()))
    const refused = (path: string) => refusals.some(([command]) => `${command} `.startsWith(`${path} `))
    const takesNothing = [
      'job list',
      'target list',
      'target secret list',
      'setting list',
      'token list',
      'demo',
    ]
    const missing = leaves(
      droverProgram(async () => {}),
      '',
    ).filter((path) => !/^(pool|aws|backup inspect)\b/.test(path) && !refused(path))
    expect(missing).toEqual(takesNothing)
  })

  it('whoever has no token, an old one, or too small a role', async () => {
    const { tokens } = service.world
    const tries: [token: string, command: string, code: number, says: string][] = [
      ['', 'cluster list', 2, 'no access token was given for'],
      ['drover_unknown', 'cluster list', 6, 'the access token is not known'],
      [tokens.expired, 'cluster list', 6, 'expired'],
      [tokens.viewer, 'volume detach web', 6, 'it takes a token of role operator'],
      [tokens.operator, 'token list', 6, 'role operator may not do this'],
    ]
    for (const [token, command, code, says] of tries) {
      vi.stubEnv('DROVER_TOKEN', token)
      const ended = await service.drover(argumentsOf(command))
      expect(ended).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(says) })
      if (token) expect(ended.stderr).not.toContain(token)
    }
  })

  it('in the words of the command, not of the request', async () => {
    const { code, stderr } = await service.drover([...job.split(' '), '--cron', '61 * * * *'])
    expect(code).toBe(2)
    expect(stderr).toMatch(/^drover: cron expression "61 \* \* \* \*": (?!Cron)/)
    expect(stderr).toContain('\n  hint: see drover job create --help\n')
  })

  it('to guess where the service is', async () => {
    vi.stubEnv('DROVER_URL', '')
    const { code, stderr } = await service.drover(['cluster', 'list'])
    expect(code).toBe(2)
    expect(stderr).toContain('hint: start it with npm start, or set DROVER_URL and DROVER_TOKEN')
  })

  it('in JSON with the fields that are wrong', async () => {
    const { code, stderr } = await service.drover(['cluster', 'create', 'Standby', '--json'])
    expect(code).toBe(2)
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'invalid-request', fields: [{ field: 'name', message: expect.any(String) }] },
    })
  })
})
