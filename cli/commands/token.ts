import { Option, type Command } from 'commander'
import type { Token } from '../answers.ts'
import { onService, openApi, type ApiOptions } from '../open-api.ts'
import { parseLifetime } from '../options.ts'
import { listed } from '../output/listed.ts'
import { fieldsText, type Column } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'

const roles = ['viewer', 'operator', 'admin'] as const

interface CreateOptions extends ApiOptions {
  role: (typeof roles)[number]
  expiresIn?: number
}

const example = `
Examples:
  $ drover token create ci --role operator --expires-in 30d
  $ drover token list`

const createExample = `
Examples:
  $ drover token create ci --role operator --expires-in 30d
  $ drover token create ada --role viewer --quiet > token

A viewer sees all but secrets; an operator works with volumes, backups and jobs; an admin also with nodes, targets, settings and tokens.
The token is shown this once, and kept nowhere.`

const columns: Column<Token>[] = [
  { title: 'ID', value: ({ id }) => id },
  { title: 'NAME', value: ({ name }) => name },
  { title: 'ROLE', value: ({ role }) => role },
  { title: 'OF', value: ({ node, cluster }) => node ?? cluster ?? undefined },
  { title: 'CREATED AT', value: ({ createdAt }) => createdAt },
  { title: 'EXPIRES AT', value: ({ expiresAt }) => expiresAt ?? 'never' },
]

const create = async (session: Session, name: string, options: CreateOptions): Promise<Outcome> => {
  const client = await openApi(session, options)
  const made = await client.tokens.create({ name, role: options.role, expiresInSeconds: options.expiresIn })
  return {
    json: made,
    text: fieldsText({
      id: made.id,
      name,
      role: made.role,
      'expires at': made.expiresAt ?? 'never',
      token: made.token,
    }),
    handles: [made.token],
  }
}

export const addToken = (parent: Command, act: Act): void => {
  const token = parent
    .command('token')
    .description('access tokens of the service')
    .addHelpText('after', example)
  onService(token.command('list'))
    .description('list the tokens, by the ids by which they are deleted')
    .addHelpText('after', '\nExample:\n  $ drover token list')
    .action((options: ApiOptions) =>
      act(async (session) =>
        listed((await openApi(session, options)).tokens.list(), {
          columns,
          handle: ({ id }) => id,
          none: 'there are no tokens',
        }),
      ),
    )
  onService(token.command('create'))
    .description('make a token, and print it; with --quiet only that')
    .argument('<name>', 'who or what it is for')
    .addOption(new Option('--role <role>', 'what it may').choices(roles).makeOptionMandatory())
    .option('--expires-in <duration>', 'as 12h or 30d (default: never)', parseLifetime)
    .addHelpText('after', createExample)
    .action((name: string, options: CreateOptions) => act((session) => create(session, name, options)))
  onService(token.command('delete'))
    .description('delete a token: whoever has it is refused from then on')
    .argument('<id>', 'id of the token')
    .addHelpText('after', '\nExample:\n  $ drover token delete 0123456789abcdef')
    .action((id: string, options: ApiOptions) =>
      act(async (session) => {
        await (await openApi(session, options)).tokens.remove(id)
        return { json: { id }, text: `deleted token ${id}` }
      }),
    )
}
