import type { Command } from 'commander'
import { poolOption, withPool, type PoolOptions } from '../open-pool.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'

const example = `
Example:
  $ umount /mnt && drover pool volume detach web`

const detach = (session: Session, name: string, options: PoolOptions): Promise<Outcome> =>
  withPool(session, options, async (pool) => {
    const wasAttached = (await pool.showVolume(name)).state === 'attached'
    await pool.detachVolume(name)
    return {
      json: { volume: name, wasAttached },
      text: wasAttached ? `detached volume ${name}` : `volume ${name} was not attached`,
    }
  })

export const addPoolVolumeDetach = (parent: Command, act: Act): Command =>
  parent
    .command('detach')
    .description("take a volume's device away; refused while it is mounted or open")
    .argument('<name>', 'name of the volume')
    .addOption(poolOption())
    .addHelpText('after', example)
    .action((name: string, options: PoolOptions) => act((session) => detach(session, name, options)))
