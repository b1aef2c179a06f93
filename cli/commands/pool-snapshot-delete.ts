import type { Command } from 'commander'
import { poolOption, withPool, type PoolOptions } from '../open-pool.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'

const example = `
Example:
  $ drover pool snapshot delete web before-upgrade

Anywhere in the tree: what the volume and other snapshots hold stays. If the last backup was made from it, the next one reads
the whole volume.`

const remove = (session: Session, volume: string, name: string, options: PoolOptions): Promise<Outcome> =>
  withPool(session, options, async (pool) => {
    await pool.deleteSnapshot(volume, name)
    return { json: { volume, snapshot: name }, text: `deleted snapshot ${name} of volume ${volume}` }
  })

export const addPoolSnapshotDelete = (parent: Command, act: Act): Command =>
  parent
    .command('delete')
    .description('delete a snapshot of a volume')
    .argument('<volume>', 'name of the volume')
    .argument('<snapshot>', 'name of the snapshot')
    .addOption(poolOption())
    .addHelpText('after', example)
    .action((volume: string, name: string, options: PoolOptions) =>
      act((session) => remove(session, volume, name, options)),
    )
