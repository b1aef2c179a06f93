import type { Command } from 'commander'
import { gathered } from '#lib/base/gathered.ts'
import { requireAnswer, requireYes, yesOption, type YesOption } from '../confirmed.ts'
import { parseLabels } from '../labels.ts'
import { onService, openApi, type ApiOptions } from '../open-api.ts'
import { operate, withWait, type WaitOptions } from '../operate.ts'
import { textIn } from '../output/operation-view.ts'
import { serviceSnapshotsText } from '../output/snapshot-view.ts'
import { fieldsText } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'
import { clusterOption, volumeReference, type ClusterOptions } from '../volume-reference.ts'

type ListOptions = ApiOptions & ClusterOptions
type Options = ListOptions & WaitOptions

const example = `
Examples:
  $ drover snapshot create web before-upgrade
  $ drover snapshot list web`

const list = async (session: Session, name: string, options: ListOptions): Promise<Outcome> => {
  const { cluster, volume } = volumeReference(name, options)
  const client = await openApi(session, options)
  const items = await gathered(client.snapshots.list(cluster, volume))
  return {
    json: { items },
    text: items.length === 0 ? `volume ${cluster}/${volume} has no snapshots` : serviceSnapshotsText(items),
    handles: items.map((snapshot) => snapshot.name),
  }
}

const create = async (
  session: Session,
  volumeName: string,
  name: string | undefined,
  options: Options & { label?: string[] },
): Promise<Outcome> => {
  const { cluster, volume } = volumeReference(volumeName, options)
  const body = { name, labels: parseLabels(options.label ?? []) }
  const client = await openApi(session, options)
  return operate(
    session,
    client,
    options,
    (asked) => client.snapshots.create(cluster, volume, body, asked),
    (operation) => {
      const snapshot = textIn(operation, 'snapshot') ?? String(operation.parameters['snapshot'])
      return {
        text: fieldsText({
          snapshot,
          volume: `${cluster}/${volume}`,
          'created at': textIn(operation, 'createdAt'),
          consistency: textIn(operation, 'consistency'),
        }),
        handles: [snapshot],
      }
    },
  )
}

const remove = async (
  session: Session,
  volumeName: string,
  snapshot: string,
  options: Options,
): Promise<Outcome> => {
  const { cluster, volume } = volumeReference(volumeName, options)
  const client = await openApi(session, options)
  return operate(
    session,
    client,
    options,
    (asked) => client.snapshots.remove(cluster, volume, snapshot, asked),
    () => ({ text: `deleted snapshot ${snapshot} of volume ${cluster}/${volume}` }),
  )
}

const revert = async (
  session: Session,
  volumeName: string,
  snapshot: string,
  options: Options & YesOption,
): Promise<Outcome> => {
  const { cluster, volume } = volumeReference(volumeName, options)
  requireAnswer(session, options, `reverting volume ${cluster}/${volume}`)
  const client = await openApi(session, options)
  await requireYes(
    session,
    options,
    `revert volume ${cluster}/${volume} to snapshot ${snapshot}? what was written since its last snapshot is lost`,
  )
  return operate(
    session,
    client,
    options,
    (asked) => client.volumes.revert(cluster, volume, { snapshot }, asked),
    () => ({ text: `volume ${cluster}/${volume} is as it was in snapshot ${snapshot}` }),
  )
}

const addChanges = (snapshot: Command, act: Act): void => {
  withWait(onService(snapshot.command('delete')))
    .description('delete a snapshot of a volume')
    .argument('<volume>', 'name of the volume')
    .argument('<name>', 'name of the snapshot')
    .addOption(clusterOption())
    .addHelpText('after', '\nExample:\n  $ drover snapshot delete web before-upgrade')
    .action((volume: string, name: string, options: Options) =>
      act((session) => remove(session, volume, name, options)),
    )
  withWait(onService(snapshot.command('revert')))
    .description('make a detached volume what it was in a snapshot; asks first')
    .argument('<volume>', 'name of the volume')
    .argument('<name>', 'name of the snapshot')
    .addOption(clusterOption())
    .option(...yesOption)
    .addHelpText('after', '\nExample:\n  $ drover snapshot revert web before-upgrade --yes')
    .action((volume: string, name: string, options: Options & YesOption) =>
      act((session) => revert(session, volume, name, options)),
    )
}

export const addSnapshot = (parent: Command, act: Act): void => {
  const snapshot = parent
    .command('snapshot')
    .description("snapshots of the service's volumes")
    .addHelpText('after', example)
  onService(snapshot.command('list'))
    .description("show a volume's snapshots as a tree; with --quiet only their names")
    .argument('<volume>', 'name of the volume')
    .addOption(clusterOption())
    .addHelpText('after', '\nExample:\n  $ drover snapshot list web')
    .action((volume: string, options: ListOptions) => act((session) => list(session, volume, options)))
  withWait(onService(snapshot.command('create')))
    .description('take a snapshot of a volume, and print its name; with --quiet only that')
    .argument('<volume>', 'name of the volume')
    .argument('[name]', 'name of the snapshot (default: made)')
    .addOption(clusterOption())
    .option('--label <key=value...>', 'labels of the snapshot')
    .addHelpText('after', '\nExample:\n  $ drover snapshot create web before-upgrade --label team=shop')
    .action((volume: string, name: string | undefined, options: Options & { label?: string[] }) =>
      act((session) => create(session, volume, name, options)),
    )
  addChanges(snapshot, act)
}
