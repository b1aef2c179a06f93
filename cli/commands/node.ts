import type { Command } from 'commander'
import { formatBytes } from '#lib/base/sizes.ts'
import type { Node } from '../answers.ts'
import { onService, openApi, type ApiOptions } from '../open-api.ts'
import { listed } from '../output/listed.ts'
import { fieldsText, type Column } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'
import { listedCluster, listedClusterOption, type ClusterOptions } from '../volume-reference.ts'
import { addNodeJoin } from './node-join.ts'
import { addNodeToken } from './node-token.ts'

type ListOptions = ApiOptions & ClusterOptions

const example = `
Examples:
  $ drover node list
  $ drover node token --cluster standby
  $ drover node join --url https://drover.example.com --name node-3 --pool /srv/drover --folder /var/lib/drover-agent`

const roomText = ({ pool }: Node): string | undefined =>
  pool ? `${formatBytes(pool.availableBytes)} of ${formatBytes(pool.totalBytes)}` : undefined

const columns: Column<Node>[] = [
  { title: 'NODE', value: ({ name }) => name },
  { title: 'CLUSTER', value: ({ cluster }) => cluster },
  { title: 'HEARD AT', value: ({ heardAt }) => heardAt ?? 'never' },
  { title: 'POOL', value: ({ pool }) => pool?.kind },
  { title: 'FREE', value: roomText, isRight: true },
  { title: 'VERSION', value: ({ version }) => version ?? undefined },
]

const shown = (node: Node): Outcome => ({
  json: node,
  text: fieldsText({
    node: node.name,
    cluster: node.cluster,
    'joined at': node.joinedAt,
    'heard at': node.heardAt ?? 'never',
    version: node.version ?? undefined,
    pool: node.pool?.kind,
    free: roomText(node),
    promised: node.pool
      ? `${formatBytes(node.pool.promisedBytes)} that its volumes may still write`
      : undefined,
  }),
  handles: [node.name],
})

const list = async (session: Session, options: ListOptions): Promise<Outcome> => {
  const client = await openApi(session, options)
  const cluster = await listedCluster(client, options)
  return listed(client.nodes.list({ cluster }), {
    columns,
    handle: ({ name }) => name,
    none: cluster === undefined ? 'there are no nodes' : `cluster ${cluster} has no nodes`,
  })
}

export const addNode = (parent: Command, act: Act): void => {
  const node = parent
    .command('node')
    .description('nodes: machines with an agent and a pool of volumes')
    .addHelpText('after', example)
  onService(node.command('list'))
    .description('list the nodes of all clusters, or of one; with --quiet only their names')
    .addOption(listedClusterOption())
    .addHelpText('after', '\nExample:\n  $ drover node list --cluster primary')
    .action((options: ListOptions) => act((session) => list(session, options)))
  onService(node.command('show'))
    .description('show a node')
    .argument('<name>', 'name of the node')
    .addHelpText('after', '\nExample:\n  $ drover node show node-1')
    .action((name: string, options: ApiOptions) =>
      act(async (session) => shown(await (await openApi(session, options)).nodes.show(name))),
    )
  onService(node.command('delete'))
    .description('remove a node that has no volumes; its agent is refused from then on')
    .argument('<name>', 'name of the node')
    .addHelpText('after', '\nExample:\n  $ drover node delete node-3')
    .action((name: string, options: ApiOptions) =>
      act(async (session) => {
        await (await openApi(session, options)).nodes.remove(name)
        return { json: { node: name }, text: `removed node ${name}` }
      }),
    )
  addNodeToken(node, act)
  addNodeJoin(node, act)
}
