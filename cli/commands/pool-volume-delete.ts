import type { Command } from 'commander'
import { formatBytes } from '#lib/base/sizes.ts'
import { requireAnswer, requireYes, yesOption, type YesOption } from '../confirmed.ts'
import { poolOption, withPool, type PoolOptions } from '../open-pool.ts'
import { counted } from '../output/counted.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'

type Options = PoolOptions & YesOption

const example = `
Examples:
  $ drover pool volume delete web
  $ drover pool volume delete web --yes

Its backups stay. Without a terminal --yes is needed.`

const remove = async (session: Session, name: string, options: Options): Promise<Outcome> => {
  requireAnswer(session, options, `deleting volume ${name}`)
  return withPool(session, options, async (pool) => {
    const { sizeBytes, snapshots } = await pool.showVolume(name)
    const what = `volume ${name} (${formatBytes(sizeBytes)}) with ${counted(snapshots, 'snapshot')}`
    await requireYes(session, options, `delete ${what}?`)
    await pool.deleteVolume(name)
    return { json: { volume: name, sizeBytes, snapshots }, text: `deleted ${what}` }
  })
}

export const addPoolVolumeDelete = (parent: Command, act: Act): Command =>
  parent
    .command('delete')
    .description('delete a volume with all its snapshots; asks first')
    .argument('<name>', 'name of the volume')
    .addOption(poolOption())
    .option(...yesOption)
    .addHelpText('after', example)
    .action((name: string, options: Options) => act((session) => remove(session, name, options)))
