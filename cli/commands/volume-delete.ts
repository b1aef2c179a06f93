import type { Command } from 'commander'
import { gathered } from '#lib/base/gathered.ts'
import { formatBytes } from '#lib/base/sizes.ts'
import { requireAnswer, requireYes, yesOption, type YesOption } from '../confirmed.ts'
import { onService, openApi, type ApiOptions } from '../open-api.ts'
import { operate, withWait, type WaitOptions } from '../operate.ts'
import { counted } from '../output/counted.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'
import { clusterOption, volumeReference, type ClusterOptions } from '../volume-reference.ts'

type Options = ApiOptions & ClusterOptions & WaitOptions & YesOption

const example = `
Examples:
  $ drover volume delete web
  $ drover volume delete standby/web --yes

Its backups stay. Without a terminal --yes is needed.`

const remove = async (session: Session, name: string, options: Options): Promise<Outcome> => {
  const { cluster, volume } = volumeReference(name, options)
  requireAnswer(session, options, `deleting volume ${cluster}/${volume}`)
  const client = await openApi(session, options)
  const { sizeBytes } = await client.volumes.show(cluster, volume)
  const snapshots = await gathered(client.snapshots.list(cluster, volume))
  const what = `volume ${cluster}/${volume} (${formatBytes(sizeBytes)}) with ${counted(snapshots.length, 'snapshot')}`
  await requireYes(session, options, `delete ${what}?`)
  return operate(
    session,
    client,
    options,
    (asked) => client.volumes.remove(cluster, volume, asked),
    () => ({ text: `deleted ${what}` }),
  )
}

export const addVolumeDelete = (parent: Command, act: Act): Command =>
  withWait(onService(parent.command('delete')))
    .description('delete a detached volume with all its snapshots; asks first')
    .argument('<volume>', 'name of the volume')
    .addOption(clusterOption())
    .option(...yesOption)
    .addHelpText('after', example)
    .action((name: string, options: Options) => act((session) => remove(session, name, options)))
