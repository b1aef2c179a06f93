import type { Command } from 'commander'
import { foundService, isLoopback, onService, openApi, type ApiOptions } from '../open-api.ts'
import { parseLifetime } from '../options.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'
import { clusterOf, clusterOption, type ClusterOptions } from '../volume-reference.ts'

interface Options extends ApiOptions, ClusterOptions {
  expiresIn?: number
}

const example = `
Examples:
  $ drover node token --cluster standby
  $ drover node token --expires-in 1h --quiet

Good for one node, once.`

const loopbackText = (url: string): string => `
${url} is an address within this machine: for a node on another one, put the address in its place by which that one reaches the
service. "npm start" listens for others with --listen ADDRESS:PORT --tls-certificate FILE --tls-key FILE.`

const make = async (session: Session, options: Options): Promise<Outcome> => {
  const cluster = clusterOf(options)
  const { url } = await foundService(options)
  const client = await openApi(session, options)
  const made = await client.nodes.newJoinToken({ cluster, expiresInSeconds: options.expiresIn })
  const command = `drover node join --url ${url} --name NAME --pool FOLDER --folder DIR`
  return {
    json: { ...made, command },
    text: [
      `a node joins cluster ${cluster} until ${made.expiresAt ?? 'it is deleted'} with:`,
      '',
      // Before the command, not among its arguments, which all users of the machine can see.
      `  DROVER_JOIN_TOKEN=${made.token} \\`,
      `  ${command}`,
      ...(isLoopback(url) ? [loopbackText(url)] : []),
    ].join('\n'),
    handles: [made.token],
  }
}

export const addNodeToken = (parent: Command, act: Act): Command =>
  onService(parent.command('token'))
    .description('make a token for a node to join with, and print the command; with --quiet only the token')
    .addOption(clusterOption())
    .option('--expires-in <duration>', 'as 1h or 7d (default: 24h)', parseLifetime)
    .addHelpText('after', example)
    .action((options: Options) => act((session) => make(session, options)))
