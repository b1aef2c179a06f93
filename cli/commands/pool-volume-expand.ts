import type { Command } from 'commander'
import { formatBytes } from '#lib/base/sizes.ts'
import { poolOption, withPool, type PoolOptions } from '../open-pool.ts'
import { parseSize } from '../options.ts'
import { sizeText } from '../output/pool-view.ts'
import { fieldsText } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'

interface Options extends PoolOptions {
  size: number
}

const example = `
Example:
  $ drover pool volume expand web --size 40Gi && resize2fs /dev/loop0

Attached or not. What is in the volume is made larger by its own tools afterwards: resize2fs, xfs_growfs.`

const expand = (session: Session, name: string, options: Options): Promise<Outcome> =>
  withPool(session, options, async (pool) => {
    const before = await pool.showVolume(name)
    const volume = await pool.expandVolume(name, options.size)
    return {
      json: {
        ...volume,
        previousSizeBytes: before.sizeBytes,
        isRoundedUp: volume.sizeBytes !== options.size,
      },
      text: fieldsText({
        volume: name,
        size: sizeText(volume, options.size),
        before: formatBytes(before.sizeBytes),
        device: volume.path,
      }),
    }
  })

export const addPoolVolumeExpand = (parent: Command, act: Act): Command =>
  parent
    .command('expand')
    .description('make a volume, and its device, larger')
    .argument('<name>', 'name of the volume')
    .addOption(poolOption())
    .requiredOption(
      '--size <size>',
      'its new size, as 40Gi or in bytes; rounded up to whole blocks',
      parseSize,
    )
    .addHelpText('after', example)
    .action((name: string, options: Options) => act((session) => expand(session, name, options)))
