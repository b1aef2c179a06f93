import type { Command } from 'commander'
import { formatBytes } from '#lib/base/sizes.ts'
import { warnOfLoneGroups } from '../lone-groups.ts'
import { onService, openApi, type ApiOptions } from '../open-api.ts'
import { operate, withWait, type WaitOptions } from '../operate.ts'
import {
  blockSizes,
  blockSizeOption,
  parseNotEmpty,
  sectorSizes,
  sectorSizeOption,
  sizeOption,
  type BlockSize,
  type SectorSize,
} from '../options.ts'
import { fieldsText } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'
import { clusterOption, volumeReference, type ClusterOptions } from '../volume-reference.ts'

interface Options extends ApiOptions, ClusterOptions, WaitOptions {
  size: number
  blockSize?: BlockSize
  sectorSize?: SectorSize
  node?: string
  target?: string
  backupVolume?: string
  job?: string[]
  group?: string[]
}

const example = `
Examples:
  $ drover volume create web --size 20Gi --target nas --job nightly
  $ drover volume create standby/web --size 20Gi --node node-3

With neither --job nor --group it takes part in jobs of the group default.`

const create = async (session: Session, name: string, options: Options): Promise<Outcome> => {
  const { cluster, volume } = volumeReference(name, options)
  const { blockSize, sectorSize } = options
  const body = {
    cluster,
    name: volume,
    sizeBytes: options.size,
    ...(blockSize !== undefined && { blockSizeBytes: blockSizes[blockSize] }),
    ...(sectorSize !== undefined && { sectorSizeBytes: sectorSizes[sectorSize] }),
    node: options.node,
    target: options.target,
    backupVolume: options.backupVolume,
    jobs: options.job,
    groups: options.group,
  }
  const client = await openApi(session, options)
  await warnOfLoneGroups(session, client, options.group)
  return operate(
    session,
    client,
    options,
    (asked) => client.volumes.create(body, asked),
    ({ node, result }) => ({
      text: fieldsText({
        volume: `${cluster}/${volume}`,
        node,
        size: formatBytes(Number(result?.['sizeBytes'] ?? options.size)),
      }),
      handles: [`${cluster}/${volume}`],
    }),
  )
}

export const addVolumeCreate = (parent: Command, act: Act): Command =>
  withWait(onService(parent.command('create')))
    .description('make an empty volume')
    .argument('<volume>', 'name of the volume')
    .addOption(clusterOption())
    .addOption(sizeOption())
    .addOption(blockSizeOption())
    .addOption(sectorSizeOption())
    .option('--node <name>', 'where it is (default: the node with the most room)', parseNotEmpty)
    .option(
      '--target <name>',
      'where its backups go (default: the setting default-backup-target)',
      parseNotEmpty,
    )
    .option('--backup-volume <name>', 'their name in the target (default: that of the volume)', parseNotEmpty)
    .option('--job <name...>', 'recurring jobs that it takes part in')
    .option('--group <name...>', 'groups of recurring jobs that it takes part in')
    .addHelpText('after', example)
    .action((name: string, options: Options) => act((session) => create(session, name, options)))
