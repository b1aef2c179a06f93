import { readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import type { Command } from 'commander'
import { onService, openApi, type ApiOptions } from '../open-api.ts'
import { parseNotEmpty } from '../options.ts'
import { listed } from '../output/listed.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'
import { environment } from '../settings.ts'
import { UsageError } from '../usage-error.ts'

interface PutOptions extends ApiOptions {
  fromFile?: string
}

/** Longhorn's names. */
const fromEnvironment = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_IAM_ROLE_ARN',
  'AWS_EXTERNAL_ID',
  'AWS_ENDPOINTS',
  'AWS_CERT',
  'VIRTUAL_HOSTED_STYLE',
] as const
/** Whoever runs a command has a proxy of its own, which need not be the service's. */
const fromFilesAlone = ['AWS_PROFILE', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'] as const

const example = `
Examples:
  $ AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… drover target secret put aws
  $ AWS_IAM_ROLE_ARN=arn:aws:iam::123456789012:role/backups drover target secret put cloud
  $ drover target secret put minio --from-file minio.env

Read from the environment: ${fromEnvironment.join(', ')}.
A file has lines KEY=VALUE, a certificate in quotes; also of ${fromFilesAlone.join(', ')}.`

const nothing = (where: string): UsageError =>
  new UsageError('wrong-usage', `${where} has no credentials`, {
    hint: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_IAM_ROLE_ARN, or give --from-file with lines KEY=VALUE',
  })

const readSecretFile = async (path: string): Promise<Record<string, string>> => {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new UsageError('wrong-usage', `cannot read ${path}`, {
      cause,
      hint: 'give a file with lines KEY=VALUE',
    })
  })
  const record: Record<string, string> = {}
  const known: readonly string[] = [...fromEnvironment, ...fromFilesAlone]
  for (const [key, value] of Object.entries(parseEnv(text))) {
    if (!known.includes(key))
      throw new UsageError('wrong-usage', `${path} has a key that no target takes: ${key}`, {
        hint: `there are: ${known.join(', ')}`,
      })
    if (value) record[key] = value
  }
  return record
}

const readEnvironment = (): Record<string, string> => {
  const present = environment()
  return Object.fromEntries(fromEnvironment.flatMap((key) => (present[key] ? [[key, present[key]]] : [])))
}

const put = async (session: Session, name: string, options: PutOptions): Promise<Outcome> => {
  const { fromFile } = options
  const record = fromFile === undefined ? readEnvironment() : await readSecretFile(fromFile)
  const keys = Object.keys(record)
  if (keys.length === 0) throw nothing(fromFile ?? 'the environment')
  await (await openApi(session, options)).secrets.put(name, record)
  return { json: { name, keys }, text: `kept secret ${name}: ${keys.join(', ')}`, handles: [name] }
}

export const addTargetSecret = (parent: Command, act: Act): void => {
  const secret = parent
    .command('secret')
    .description("targets' credentials: the service keeps them, and shows them to nobody")
    .addHelpText('after', '\nExample:\n  $ drover target secret list')
  onService(secret.command('put'))
    .description('make a secret, or replace it; its values are never arguments')
    .argument('<name>', 'name of the secret')
    .option('--from-file <file>', 'read it from a file, instead of the environment', parseNotEmpty)
    .addHelpText('after', example)
    .action((name: string, options: PutOptions) => act((session) => put(session, name, options)))
  onService(secret.command('list'))
    .description('list the secrets by name')
    .addHelpText('after', '\nExample:\n  $ drover target secret list')
    .action((options: ApiOptions) =>
      act(async (session) =>
        listed((await openApi(session, options)).secrets.list(), {
          columns: [{ title: 'SECRET', value: ({ name }) => name }],
          handle: ({ name }) => name,
          none: 'there are no secrets',
        }),
      ),
    )
  onService(secret.command('delete'))
    .description('delete a secret that no target uses')
    .argument('<name>', 'name of the secret')
    .addHelpText('after', '\nExample:\n  $ drover target secret delete minio')
    .action((name: string, options: ApiOptions) =>
      act(async (session) => {
        await (await openApi(session, options)).secrets.remove(name)
        return { json: { secret: name }, text: `deleted secret ${name}` }
      }),
    )
}
