import type { Command } from 'commander'
import { poolOption, withPool, type PoolOptions } from '../open-pool.ts'
import { snapshotsText } from '../output/snapshot-view.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'

const example = `
Example:
  $ drover pool snapshot list web

Each snapshot is below its parent; where several have the same one, each begins a branch. OWN is what its deletion frees.
Those made for backups go when no next backup needs them.`

const list = (session: Session, volume: string, options: PoolOptions): Promise<Outcome> =>
  withPool(session, options, async (pool) => {
    const snapshots = await pool.listSnapshots(volume)
    return {
      json: { volume, headParent: snapshots.find(({ isHeadParent }) => isHeadParent)?.name, snapshots },
      text: snapshots.length === 0 ? `volume ${volume} has no snapshots` : snapshotsText(snapshots),
      handles: snapshots.map(({ name }) => name),
    }
  })

export const addPoolSnapshotList = (parent: Command, act: Act): Command =>
  parent
    .command('list')
    .description("show a volume's snapshots as a tree; with --quiet only their names")
    .argument('<volume>', 'name of the volume')
    .addOption(poolOption())
    .addHelpText('after', example)
    .action((volume: string, options: PoolOptions) => act((session) => list(session, volume, options)))
