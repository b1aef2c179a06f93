import { resolve } from 'node:path'
import { Option, type Command } from 'commander'
import { readPoolConfig } from '#lib/volume/pool-config.ts'
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
Examples:
  $ drover node join --url https://drover.example.com --name node-3 --pool /srv/drover --folder /var/lib/drover-agent
  $ drover node join https://drover.example.com "$TOKEN" --name node-3 --pool /srv/drover --folder /var/lib/drover-agent

The token comes from "drover node token", which somebody with an admin's token runs. It is good for one node, once, as a rule within a day.
As an argument every user of this machine sees it, in ps, while the command runs: better give it by the environment, by a file, or when
it is asked for.`

const tokenHint = 'make one with "drover node token", and set DROVER_JOIN_TOKEN or give --token-file'

/** By an argument or by an option. @throws UsageError. */
const givenOnce = (argument: string | undefined, option: string | undefined, name: string) => {
  if (argument === undefined || option === undefined) return argument ?? option
  throw new UsageError('wrong-usage', `an argument and ${name} say the same thing`, {
    hint: 'leave one of the two out',
  })
}

/** @throws UsageError. */
const addressOf = (given: string | undefined): string => {
  const url = given ?? serviceUrl()
  if (url !== undefined) return checkServiceUrl(url)
  throw new UsageError('wrong-usage', 'no service to join was given', {
    hint: 'give --url, or set DROVER_URL',
  })
}

const joinToken = async (
  { askText, signal }: Session,
  argument: string | undefined,
  file: string | undefined,
): Promise<string> => {
  if (file !== undefined) return readTokenFile(file)
  const given = argument ?? givenJoinToken() ?? (await askText?.('token to join with:', signal))?.trim()
  if (given) return given
  throw new UsageError('wrong-usage', 'no token to join with was given', { hint: tokenHint })
}

const join = async (
  session: Session,
  address: string | undefined,
  tokenArgument: string | undefined,
  options: Options,
): Promise<Outcome> => {
  givenOnce(tokenArgument, options.tokenFile, '--token-file')
  const url = addressOf(givenOnce(address, options.url, '--url'))
  const folder = resolve(options.folder)
  // Before the token is used up: its agent would not start on a folder that is no pool.
  await readPoolConfig(resolve(options.pool))
  const token = await joinToken(session, tokenArgument, options.tokenFile)
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
    .argument('[url]', 'as --url', parseNotEmpty)
    .argument('[token]', 'the token to join with; seen in ps: see below', parseNotEmpty)
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
    .action((url: string | undefined, token: string | undefined, options: Options) =>
      act((session) => join(session, url, token, options)),
    )
