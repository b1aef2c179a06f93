import type { Command } from 'commander'
import { onService, openApi, type ApiOptions } from '../open-api.ts'
import { listed } from '../output/listed.ts'
import { volumeColumns, volumeOutcome } from '../output/volume-view.ts'
import type { Act } from '../session.ts'
import {
  clusterOption,
  listedCluster,
  listedClusterOption,
  volumeReference,
  type ClusterOptions,
} from '../volume-reference.ts'
import { addVolumeAttach, addVolumeDetach, addVolumeExpand } from './volume-actions.ts'
import { addVolumeCreate } from './volume-create.ts'
import { addVolumeDelete } from './volume-delete.ts'
import { addVolumeSet } from './volume-set.ts'
import { addVolumeWatch } from './volume-watch.ts'

type Options = ApiOptions & ClusterOptions

const example = `
Examples:
  $ drover volume create web --size 20Gi --target nas --job nightly
  $ drover volume attach web
  $ drover volume list

A volume of another cluster than primary is named as standby/web, or with --cluster. Volumes of this machine without a service: see drover pool.`

export const addVolume = (parent: Command, act: Act): void => {
  const volume = parent.command('volume').description('volumes of the service').addHelpText('after', example)
  onService(volume.command('list'))
    .description('list the volumes of all clusters, or of one; with --quiet only their names')
    .addOption(listedClusterOption())
    .addHelpText('after', '\nExample:\n  $ drover volume list --cluster standby')
    .action((options: Options) =>
      act(async (session) => {
        const client = await openApi(session, options)
        const cluster = await listedCluster(client, options)
        return listed(client.volumes.list({ cluster }), {
          columns: volumeColumns,
          handle: ({ cluster: of, name }) => `${of}/${name}`,
          none: cluster === undefined ? 'there are no volumes' : `cluster ${cluster} has no volumes`,
        })
      }),
    )
  onService(volume.command('show'))
    .description('show a volume')
    .argument('<volume>', 'name of the volume')
    .addOption(clusterOption())
    .addHelpText('after', '\nExample:\n  $ drover volume show web')
    .action((name: string, options: Options) =>
      act(async (session) => {
        const of = volumeReference(name, options)
        return volumeOutcome(await (await openApi(session, options)).volumes.show(of.cluster, of.volume))
      }),
    )
  for (const add of [
    addVolumeCreate,
    addVolumeSet,
    addVolumeAttach,
    addVolumeDetach,
    addVolumeExpand,
    addVolumeDelete,
    addVolumeWatch,
  ])
    add(volume, act)
}
