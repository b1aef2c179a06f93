import type { Command } from 'commander'
import { formatBytes } from '#lib/base/sizes.ts'
import { onService, openApi, type ApiOptions } from '../open-api.ts'
import { operate, withWait, type WaitOptions } from '../operate.ts'
import { parseSize } from '../options.ts'
import { textIn } from '../output/operation-view.ts'
import { fieldsText } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'
import { clusterOption, volumeReference, type ClusterOptions } from '../volume-reference.ts'

type Options = ApiOptions & ClusterOptions & WaitOptions

const attachExample = `
Examples:
  $ drover volume attach web
  $ drover volume attach web --maintenance
  $ mount "$(drover volume attach web --quiet)" /mnt

The device is on the volume's node, and stays when the command ends.`

const attach = async (
  session: Session,
  name: string,
  options: Options & { maintenance?: boolean },
): Promise<Outcome> => {
  const { cluster, volume } = volumeReference(name, options)
  const client = await openApi(session, options)
  const body = { isMaintenance: options.maintenance ?? false }
  return operate(
    session,
    client,
    options,
    (asked) => client.volumes.attach(cluster, volume, body, asked),
    (operation) => {
      const device = textIn(operation, 'path')
      const how = device === undefined ? 'for maintenance: it has no device' : undefined
      return {
        text: fieldsText({ volume: `${cluster}/${volume}`, node: operation.node, device, attached: how }),
        handles: device === undefined ? [] : [device],
      }
    },
  )
}

const detach = async (session: Session, name: string, options: Options): Promise<Outcome> => {
  const { cluster, volume } = volumeReference(name, options)
  const client = await openApi(session, options)
  return operate(
    session,
    client,
    options,
    (asked) => client.volumes.detach(cluster, volume, asked),
    () => ({ text: `detached volume ${cluster}/${volume}` }),
  )
}

const expand = async (
  session: Session,
  name: string,
  options: Options & { size: number },
): Promise<Outcome> => {
  const { cluster, volume } = volumeReference(name, options)
  const client = await openApi(session, options)
  const body = { sizeBytes: options.size }
  return operate(
    session,
    client,
    options,
    (asked) => client.volumes.expand(cluster, volume, body, asked),
    ({ result }) => ({
      text: fieldsText({
        volume: `${cluster}/${volume}`,
        size: formatBytes(Number(result?.['sizeBytes'] ?? options.size)),
      }),
    }),
  )
}

export const addVolumeAttach = (parent: Command, act: Act): Command =>
  withWait(onService(parent.command('attach')))
    .description('attach a volume, and print its device; with --quiet only that')
    .argument('<volume>', 'name of the volume')
    .addOption(clusterOption())
    .option('--maintenance', 'without a device: nothing can write to it')
    .addHelpText('after', attachExample)
    .action((name: string, options: Options & { maintenance?: boolean }) =>
      act((session) => attach(session, name, options)),
    )

export const addVolumeDetach = (parent: Command, act: Act): Command =>
  withWait(onService(parent.command('detach')))
    .description('detach a volume; refused while its device is mounted or open')
    .argument('<volume>', 'name of the volume')
    .addOption(clusterOption())
    .addHelpText('after', '\nExample:\n  $ drover volume detach web')
    .action((name: string, options: Options) => act((session) => detach(session, name, options)))

export const addVolumeExpand = (parent: Command, act: Act): Command =>
  withWait(onService(parent.command('expand')))
    .description('make a volume larger; what is in it is made larger by its own tools')
    .argument('<volume>', 'name of the volume')
    .addOption(clusterOption())
    .requiredOption('--size <size>', 'the new size, as 40Gi or in bytes', parseSize)
    .addHelpText('after', '\nExample:\n  $ drover volume expand web --size 40Gi')
    .action((name: string, options: Options & { size: number }) =>
      act((session) => expand(session, name, options)),
    )
