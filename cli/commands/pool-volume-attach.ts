import type { Command } from 'commander'
import { poolOption, withPool, type PoolOptions } from '../open-pool.ts'
import { fieldsText } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'

interface Options extends PoolOptions {
  maintenance?: boolean
}

const example = `
Examples:
  $ drover pool volume attach web
  $ mount "$(drover pool volume attach web --quiet)" /mnt
  $ drover pool volume attach web --maintenance

The device stays when this command ends; a volume that is attached already keeps the one it has.`

const attach = (session: Session, name: string, options: Options): Promise<Outcome> =>
  withPool(session, options, async (pool) => {
    const { state } = await pool.showVolume(name)
    const { frontend, path, device } = await pool.attachVolume(name, options.maintenance ? 'none' : 'block')
    const wasAttached = state === 'attached'
    return {
      json: { volume: name, wasAttached, frontend, path, isDirect: device?.isDirect },
      text: fieldsText({
        volume: name,
        device: path,
        attached: path === undefined ? 'for maintenance: nothing can write to it' : undefined,
        note: wasAttached ? 'it was attached already' : undefined,
      }),
      handles: path === undefined ? [] : [path],
    }
  })

export const addPoolVolumeAttach = (parent: Command, act: Act): Command =>
  parent
    .command('attach')
    .description('give a volume a device, and print its path; with --quiet only that')
    .argument('<name>', 'name of the volume')
    .addOption(poolOption())
    .option('--maintenance', 'without a device, so that nothing can write to it')
    .addHelpText('after', example)
    .action((name: string, options: Options) => act((session) => attach(session, name, options)))
