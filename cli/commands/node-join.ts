import { resolve } from 'node:path'
import { Option, type Command } from 'commander'
import { checkServiceUrl, readTokenFile, tokenFileOption } from '../open-api.ts'
import { parseNotEmpty } from '../options.ts'
import { fieldsText } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'
import { givenJoinToken, serviceUrl } from '../settings.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  url?: string
  tokenFile?: string
  name: string
  pool: string
  folder: string
}

const example = `
Example:
  $ drover node join --url https://drover.example.com --name node-3 --pool /srv/drover --folder /var/lib/drover-agent

The token comes from "drover node token", which somebody with an admin's token runs.`

const tokenHint = 'make one with "drover node token", and set DROVER_JOIN_TOKEN or give --token-file'

const joinToken = async ({ askText, signal }: Session, { tokenFile }: Options): Promise<string> => {
  if (tokenFile !== undefined) return readTokenFile(tokenFile)
  const given = givenJoinToken() ?? (await askText?.('token to join with:', signal))?.trim()
  if (given) return given
  throw new UsageError('wrong-usage', 'no token to join with was given', { hint: tokenHint })
}

const addressOf = ({ url = serviceUrl() }: Options): string => {
  if (url !== undefined) return checkServiceUrl(url)
  throw new UsageError('wrong-usage', 'no service to join was given', {
    hint: 'give --url, or set DROVER_URL',
  })
}

const join = async (session: Session, options: Options): Promise<Outcome> => {
  const [url, folder] = [addressOf(options), resolve(options.folder)]
  const token = await joinToken(session, options)
  const { joinNode } = await import('#lib/api/node-enrolment.ts')
  const joined = await joinNode({ url, joinToken: token, node: options.name, pool: options.pool, folder })
  const { node, cluster, pool } = joined
  const command = `drover-agent --folder ${folder}`
  return {
    json: { node, cluster, url, pool, folder, command },
    text: `${fieldsText({ node, cluster, pool, folder })}\n\nstart its agent with: ${command}`,
    handles: [node],
  }
}

export const addNodeJoin = (parent: Command, act: Act): Command =>
  parent
    .command('join')
    .description('make this machine a node: run there, once')
    .addOption(
      new Option('--url <url>', 'the service (default: the environment variable DROVER_URL)').argParser(
        parseNotEmpty,
      ),
    )
    .addOption(
      tokenFileOption(
        'the token to join with (default: the environment variable DROVER_JOIN_TOKEN, or it is asked for)',
      ),
    )
    .requiredOption('--name <name>', 'name of the new node', parseNotEmpty)
    .requiredOption('--pool <folder>', 'its pool of volumes', parseNotEmpty)
    .requiredOption('--folder <folder>', "the agent's own: its journal, and its token", parseNotEmpty)
    .addHelpText('after', example)
    .action((options: Options) => act((session) => join(session, options)))
