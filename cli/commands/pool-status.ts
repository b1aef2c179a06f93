import type { Command } from 'commander'
import { poolOption, withPool, type PoolOptions } from '../open-pool.ts'
import { statusText } from '../output/pool-view.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'

const example = `
Example:
  $ drover pool status --pool /srv/drover`

const status = (session: Session, options: PoolOptions): Promise<Outcome> =>
  withPool(session, options, async (pool) => {
    const found = await pool.status()
    return { json: found, text: statusText(found) }
  })

export const addPoolStatus = (parent: Command, act: Act): Command =>
  parent
    .command('status')
    .description('show what a pool is, its room, and what in it belongs to no volume')
    .addOption(poolOption())
    .addHelpText('after', example)
    .action((options: PoolOptions) => act((session) => status(session, options)))
