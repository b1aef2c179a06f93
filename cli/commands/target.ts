import type { Command } from 'commander'
import type { ApiClient } from '#lib/api/client.ts'
import type { Target } from '../answers.ts'
import { onDefaultService, onService, openApi, type ApiOptions } from '../open-api.ts'
import { parseNotEmpty } from '../options.ts'
import { counted } from '../output/counted.ts'
import { listed } from '../output/listed.ts'
import { fieldsText, type Column } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'
import { whenReachable } from '../wait-for.ts'
import { addTargetSecret } from './target-secret.ts'

/** The service is that of the environment, or of this machine: `--url` is the target's. */
interface CreateOptions {
  url: string
  tokenFile?: string
  secret?: string
}

const example = `
Examples:
  $ drover target create nas --url file:///mnt/nas/backups/
  $ drover target secret put aws && drover target create cloud --url s3://backups@eu-central-1/ --secret aws
  $ drover target index nas`

const createExample = `
Example:
  $ drover target create nas --url file:///mnt/nas/backups/

--url is the target's: another service than that of this machine is named by the environment variable DROVER_URL.`

const stateOf = ({ failure, indexedAt }: Target): string =>
  failure ?? (indexedAt === null ? 'not looked at yet' : 'ok')

const columns: Column<Target>[] = [
  { title: 'TARGET', value: ({ name }) => name },
  { title: 'URL', value: ({ url }) => url },
  { title: 'SECRET', value: ({ credential }) => credential ?? undefined },
  { title: 'CREDENTIALS', value: ({ credentials }) => credentials?.kind },
  { title: 'LOOKED AT', value: ({ indexedAt }) => indexedAt ?? 'never' },
  { title: 'STATE', value: stateOf },
]

const whose = {
  'per-operation': 'for each operation alone',
  shared: 'the same for all operations',
  none: 'none are handed out',
} as const

const credentialsText = ({ kind, reason }: NonNullable<Target['credentials']>): string =>
  `${whose[kind]}: ${reason}`

const shown = (target: Target): Outcome => ({
  json: target,
  text: fieldsText({
    target: target.name,
    url: target.url,
    secret: target.credential ?? undefined,
    credentials: target.credentials && credentialsText(target.credentials),
    'reached by': target.reachedBy === null ? undefined : `nodes of cluster ${target.reachedBy}`,
    'looked at': target.indexedAt ?? 'never',
    state: stateOf(target),
  }),
  handles: [target.name],
})

const create = async (session: Session, name: string, options: CreateOptions): Promise<Outcome> => {
  const { url, tokenFile, secret = null } = options
  const client = await openApi(session, { tokenFile })
  return shown(await client.targets.create({ name, url, credential: secret }))
}

const firstPauseMs = 1000
const longestPauseMs = 15_000
/** As long as a function of AWS may take, which is who looks. */
const longestLookMs = 900_000

/** Until its `indexedAt` changes. `undefined`: it takes longer than it may. */
const lookedAt = async (
  session: Session,
  client: Pick<ApiClient, 'targets'>,
  { name, indexedAt }: Target,
): Promise<Target | undefined> => {
  let pauseMs = firstPauseMs
  for (let waitedMs = 0; waitedMs < longestLookMs; waitedMs += pauseMs) {
    pauseMs = Math.min(pauseMs * 1.25, longestPauseMs)
    await session.clock.sleep(pauseMs, session.signal)
    const target = await whenReachable(session, () => client.targets.show(name))
    if (target.indexedAt !== indexedAt) return target
  }
  return undefined
}

/** Ctrl-C ends the waiting, not the look. */
const lookByOthers = async (
  session: Session,
  client: Pick<ApiClient, 'targets'>,
  asked: Target,
): Promise<Outcome> => {
  const target = await lookedAt(session, client, asked).catch((error: unknown) => {
    if (!session.signal.aborted) throw error
  })
  if (target) return { ...shown(target), exit: target.failure === null ? 'done' : 'damaged' }
  const text = `the look at target ${asked.name} goes on; see when it was looked at with: drover target show ${asked.name}`
  return { json: asked, text, exit: session.signal.aborted ? 'interrupted' : 'failed' }
}

/** Makes the catalog what the backupstore holds. */
export const indexTarget = async (session: Session, name: string, options: ApiOptions): Promise<Outcome> => {
  const client = await openApi(session, options)
  const found = await client.targets.index(name)
  if ('indexedAt' in found) return lookByOthers(session, client, found)
  const { volumes, backups, written, removed, problems } = found
  const summary = fieldsText({
    target: name,
    found: `${counted(volumes, 'volume')}, ${counted(backups, 'backup')}`,
    changed: `${written} entries written, ${removed} removed`,
  })
  return {
    json: { target: name, ...found },
    text: [summary, ...problems.map((problem) => `problem: ${problem}`)].join('\n'),
    exit: problems.length === 0 ? 'done' : 'damaged',
  }
}

const addViews = (target: Command, act: Act): void => {
  onService(target.command('list'))
    .description('list the targets; with --quiet only their names')
    .addHelpText('after', '\nExample:\n  $ drover target list')
    .action((options: ApiOptions) =>
      act(async (session) =>
        listed((await openApi(session, options)).targets.list(), {
          columns,
          handle: ({ name }) => name,
          none: 'there are no targets',
        }),
      ),
    )
  onService(target.command('show'))
    .description('show a target')
    .argument('<name>', 'name of the target')
    .addHelpText('after', '\nExample:\n  $ drover target show nas')
    .action((name: string, options: ApiOptions) =>
      act(async (session) => shown(await (await openApi(session, options)).targets.show(name))),
    )
}

export const addTarget = (parent: Command, act: Act): void => {
  const target = parent
    .command('target')
    .description('where the service puts backups, and by which credentials')
    .addHelpText('after', example)
  addViews(target, act)
  onDefaultService(target.command('create'))
    .description('add a target')
    .argument('<name>', 'name of the target')
    .requiredOption(
      '--url <url>',
      's3://<bucket>@<region>/<path>/, nfs://<server>:/<path>, or file:///<folder>/',
      parseNotEmpty,
    )
    .option('--secret <name>', 'its credentials; see drover target secret put', parseNotEmpty)
    .addHelpText('after', createExample)
    .action((name: string, options: CreateOptions) => act((session) => create(session, name, options)))
  onService(target.command('delete'))
    .description('forget a target that no volume is backed up to; its backups stay where they are')
    .argument('<name>', 'name of the target')
    .addHelpText('after', '\nExample:\n  $ drover target delete nas')
    .action((name: string, options: ApiOptions) =>
      act(async (session) => {
        await (await openApi(session, options)).targets.remove(name)
        return { json: { target: name }, text: `forgot target ${name}; its backups stay where they are` }
      }),
    )
  onService(target.command('index'))
    .description('look at all of a target now, instead of when it is due')
    .argument('<name>', 'name of the target')
    .addHelpText('after', '\nExample:\n  $ drover target index nas')
    .action((name: string, options: ApiOptions) => act((session) => indexTarget(session, name, options)))
  addTargetSecret(target, act)
}
