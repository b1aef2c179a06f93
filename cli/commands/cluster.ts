import type { Command } from 'commander'
import type { Cluster } from '../answers.ts'
import { onService, openApi, type ApiOptions } from '../open-api.ts'
import { listed } from '../output/listed.ts'
import { fieldsText } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act } from '../session.ts'

const example = `
Examples:
  $ drover cluster create standby
  $ drover cluster list`

const shown = (cluster: Cluster): Outcome => ({
  json: cluster,
  text: fieldsText({ cluster: cluster.name, 'created at': cluster.createdAt }),
  handles: [cluster.name],
})

export const addCluster = (parent: Command, act: Act): void => {
  const cluster = parent
    .command('cluster')
    .description('clusters: groups of nodes, each with volumes of its own')
    .addHelpText('after', example)
  onService(cluster.command('list'))
    .description('list the clusters; with --quiet only their names')
    .addHelpText('after', '\nExample:\n  $ drover cluster list')
    .action((options: ApiOptions) =>
      act(async (session) =>
        listed((await openApi(session, options)).clusters.list(), {
          columns: [
            { title: 'CLUSTER', value: ({ name }) => name },
            { title: 'CREATED AT', value: ({ createdAt }) => createdAt },
          ],
          handle: ({ name }) => name,
          none: 'there are no clusters',
        }),
      ),
    )
  onService(cluster.command('show'))
    .description('show a cluster')
    .argument('<name>', 'name of the cluster')
    .addHelpText('after', '\nExample:\n  $ drover cluster show primary')
    .action((name: string, options: ApiOptions) =>
      act(async (session) => shown(await (await openApi(session, options)).clusters.show(name))),
    )
  onService(cluster.command('create'))
    .description('make a cluster, which nodes then join')
    .argument('<name>', 'name of the cluster')
    .addHelpText('after', '\nExample:\n  $ drover cluster create standby')
    .action((name: string, options: ApiOptions) =>
      act(async (session) => shown(await (await openApi(session, options)).clusters.create({ name }))),
    )
  onService(cluster.command('delete'))
    .description('delete a cluster that has no nodes')
    .argument('<name>', 'name of the cluster')
    .addHelpText('after', '\nExample:\n  $ drover cluster delete standby')
    .action((name: string, options: ApiOptions) =>
      act(async (session) => {
        await (await openApi(session, options)).clusters.remove(name)
        return { json: { cluster: name }, text: `deleted cluster ${name}` }
      }),
    )
}
