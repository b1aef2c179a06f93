import type { Command } from 'commander'
import { formatBytes } from '#lib/base/sizes.ts'
import { poolOption, withPool, type PoolOptions } from '../open-pool.ts'
import {
  blockSizeOption,
  blockSizes,
  sectorSizeOption,
  sectorSizes,
  sizeOption,
  type BlockSize,
  type SectorSize,
} from '../options.ts'
import { sizeText } from '../output/pool-view.ts'
import { fieldsText } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'

interface Options extends PoolOptions {
  size: number
  blockSize?: BlockSize
  sectorSize?: SectorSize
}

const example = `
Examples:
  $ drover pool volume create web --size 20Gi
  $ drover pool volume create db --size 1Ti --block-size 16Mi --sector-size 4096 --pool /srv/drover

A volume takes room only as it is written to. Attach it to get a device.`

const create = (session: Session, name: string, options: Options): Promise<Outcome> =>
  withPool(session, options, async (pool) => {
    const volume = await pool.createVolume({
      name,
      sizeBytes: options.size,
      blockSizeBytes: options.blockSize && blockSizes[options.blockSize],
      sectorSizeBytes: options.sectorSize && sectorSizes[options.sectorSize],
    })
    const isRoundedUp = volume.sizeBytes !== options.size
    return {
      json: { ...volume, isRoundedUp },
      text: fieldsText({
        volume: name,
        size: sizeText(volume, options.size),
        blocks: formatBytes(volume.blockSizeBytes),
        sectors: formatBytes(volume.sectorSizeBytes),
      }),
    }
  })

export const addPoolVolumeCreate = (parent: Command, act: Act): Command =>
  parent
    .command('create')
    .description('make an empty volume')
    .argument('<name>', 'name of the volume')
    .addOption(poolOption())
    .addOption(sizeOption())
    .addOption(blockSizeOption())
    .addOption(sectorSizeOption())
    .addHelpText('after', example)
    .action((name: string, options: Options) => act((session) => create(session, name, options)))
