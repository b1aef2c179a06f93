import type { Command } from 'commander'
import { requireAnswer, requireYes, yesOption, type YesOption } from '../confirmed.ts'
import { poolOption, withPool, type PoolOptions } from '../open-pool.ts'
import type { Outcome } from '../output/terminal.ts'
import { requirePoolSnapshot } from '../require-snapshot.ts'
import type { Act, Session } from '../session.ts'

type Options = PoolOptions & YesOption

const example = `
Examples:
  $ drover pool snapshot revert web before-upgrade
  $ drover pool snapshot revert web before-upgrade --yes

The volume must be detached, or attached with --maintenance. Its snapshots stay, later ones too; what was written since the last
of them is lost. Without a terminal --yes is needed.`

const revert = async (session: Session, volume: string, name: string, options: Options): Promise<Outcome> => {
  requireAnswer(session, options, `reverting volume ${volume}`)
  return withPool(session, options, async (pool) => {
    const { createdAt } = await requirePoolSnapshot(pool, volume, name)
    const loss = 'what was written since, and is in no snapshot, is lost'
    await requireYes(session, options, `revert volume ${volume} to snapshot ${name} of ${createdAt}? ${loss}`)
    await pool.revertVolume(volume, name)
    return { json: { volume, snapshot: name }, text: `volume ${volume} is again what snapshot ${name} holds` }
  })
}

export const addPoolSnapshotRevert = (parent: Command, act: Act): Command =>
  parent
    .command('revert')
    .description('make a volume what it was at a snapshot; asks first')
    .argument('<volume>', 'name of the volume')
    .argument('<snapshot>', 'name of the snapshot')
    .addOption(poolOption())
    .option(...yesOption)
    .addHelpText('after', example)
    .action((volume: string, name: string, options: Options) =>
      act((session) => revert(session, volume, name, options)),
    )
