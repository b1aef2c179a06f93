import type { Command } from 'commander'
import { parseLabels } from '../labels.ts'
import { poolOption, withPool, type PoolOptions } from '../open-pool.ts'
import { consistencyText } from '../output/snapshot-view.ts'
import { fieldsText } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'

interface Options extends PoolOptions {
  label?: string[]
}

const example = `
Examples:
  $ drover pool snapshot create web
  $ drover pool snapshot create web before-upgrade --label team=shop

A file system that is mounted from the volume's device is frozen meanwhile, and thawed whatever happens.`

const create = async (
  session: Session,
  volume: string,
  name: string | undefined,
  options: Options,
): Promise<Outcome> => {
  const labels = parseLabels(options.label ?? [])
  return withPool(session, options, async (pool) => {
    const snapshot = await pool.createSnapshot(volume, { name, labels })
    return {
      json: { volume, ...snapshot },
      text: fieldsText({
        snapshot: snapshot.name,
        volume,
        'created at': snapshot.createdAt,
        consistency: consistencyText(snapshot.consistency),
      }),
      handles: [snapshot.name],
    }
  })
}

export const addPoolSnapshotCreate = (parent: Command, act: Act): Command =>
  parent
    .command('create')
    .description('take a snapshot of a volume, and print its name; with --quiet only that')
    .argument('<volume>', 'name of the volume')
    .argument('[name]', 'name of the snapshot (default: made)')
    .addOption(poolOption())
    .option('--label <key=value...>', 'labels of the snapshot')
    .addHelpText('after', example)
    .action((volume: string, name: string | undefined, options: Options) =>
      act((session) => create(session, volume, name, options)),
    )
