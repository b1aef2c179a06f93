import { Option, type Command } from 'commander'
import { resolve } from 'node:path'
import { poolKinds, type PoolKind } from '#lib/volume/pool-driver.ts'
import { parseNotEmpty, parsePercentage } from '../options.ts'
import { snapshotCosts } from '../output/pool-view.ts'
import { fieldsText } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'

interface Options {
  kind?: PoolKind
  overProvisioningPercentage?: number
  minimalAvailablePercentage?: number
}

const example = `
Examples:
  $ drover pool init /srv/drover
  $ drover pool init /srv/drover --kind copy --minimal-available-percentage 25

The folder must be empty, best the root of a file system of its own. On Btrfs and on XFS with reflinks volumes share blocks with
their snapshots; on any other file system a snapshot is a copy.`

const fileSystemReasons: Record<PoolKind, string> = {
  btrfs: 'the folder is on Btrfs',
  xfs: 'the folder is on XFS',
  copy: 'the folder is on neither Btrfs nor XFS',
}

const init = async ({ ids, signal }: Session, path: string, options: Options): Promise<Outcome> => {
  const { initPool } = await import('#lib/volume/pool.ts')
  signal.throwIfAborted()
  const config = await initPool({
    folder: path,
    kind: options.kind,
    storageOverProvisioningPercentage: options.overProvisioningPercentage,
    storageMinimalAvailablePercentage: options.minimalAvailablePercentage,
    ids,
  })
  const folder = resolve(path)
  const reason = options.kind === undefined ? fileSystemReasons[config.kind] : 'as --kind says'
  return {
    json: { folder, reason, ...config },
    text: fieldsText({
      pool: folder,
      kind: `${config.kind}, ${reason}`,
      snapshots: snapshotCosts[config.kind],
      volumes: `at most ${config.storageOverProvisioningPercentage} % of the file system together; ${config.storageMinimalAvailablePercentage} % of it stay free`,
    }),
  }
}

export const addPoolInit = (parent: Command, act: Act): Command =>
  parent
    .command('init')
    .description('make a pool of volumes in an empty folder')
    .argument('<folder>', 'the folder; made if it is not there', parseNotEmpty)
    .addOption(
      new Option('--kind <kind>', 'how snapshots are made (default: what the file system allows)').choices(
        poolKinds,
      ),
    )
    .option(
      '--over-provisioning-percentage <number>',
      'how large all volumes together may be, of the file system; beyond 100 their writes may fail when it is full (default: 100)',
      parsePercentage(1, 100_000),
    )
    .option(
      '--minimal-available-percentage <number>',
      'no volume and no snapshot is made when less of the file system is left (default: 10)',
      parsePercentage(0, 99),
    )
    .addHelpText('after', example)
    .action((folder: string, options: Options) => act((session) => init(session, folder, options)))
