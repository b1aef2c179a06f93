import type { Command } from 'commander'
import { poolOption, withPool, type PoolOptions } from '../open-pool.ts'
import { poolVolumesText } from '../output/pool-view.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'

const example = `
Examples:
  $ drover pool volume list
  $ drover pool volume list --pool /srv/drover --json`

const list = (session: Session, options: PoolOptions): Promise<Outcome> =>
  withPool(session, options, async (pool) => {
    const volumes = await pool.listVolumes()
    const { oddities } = await pool.status()
    if (oddities.length > 0)
      session.log.warn('something in the pool is left alone: see "drover pool status"', {
        oddities: oddities.length,
      })
    return {
      json: { pool: pool.folder, volumes },
      text: volumes.length === 0 ? `no volumes in ${pool.folder}` : poolVolumesText(volumes),
      handles: volumes.map(({ name }) => name),
    }
  })

export const addPoolVolumeList = (parent: Command, act: Act): Command =>
  parent
    .command('list')
    .description('list the volumes of a pool; with --quiet only their names')
    .addOption(poolOption())
    .addHelpText('after', example)
    .action((options: PoolOptions) => act((session) => list(session, options)))
