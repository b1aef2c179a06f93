import { Option, type Command } from 'commander'
import { formatBytes } from '#lib/base/sizes.ts'
import { blocksOf, totalBytes, type Extent } from '#lib/volume/extents.ts'
import { poolOption, withPool, type PoolOptions } from '../open-pool.ts'
import { blockSizes, type BlockSize } from '../options.ts'
import { counted } from '../output/counted.ts'
import { tableText } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'

interface Options extends PoolOptions {
  blockSize?: BlockSize
}

const example = `
Examples:
  $ drover pool snapshot diff web monday tuesday --block-size 2Mi
  $ drover pool snapshot diff web monday tuesday --json | jq -r '.extents[] | "\\(.offsetBytes) \\(.lengthBytes)"'

In units of 4 KiB. All that differs is in it; what was written again with the same content may be, too.`

/** More than anybody reads; JSON has all. */
const shownExtents = 1000

const columns = [
  { title: 'OFFSET', value: ({ offsetBytes }: Extent) => String(offsetBytes), isRight: true },
  { title: 'LENGTH', value: ({ lengthBytes }: Extent) => String(lengthBytes), isRight: true },
]

const extentsText = (extents: readonly Extent[]): string[] => {
  if (extents.length === 0) return []
  const left = extents.length - shownExtents
  const more = left > 0 ? [`… and ${left} more; --json has all`] : []
  return [tableText(extents.slice(0, shownExtents), columns), ...more, '']
}

const totalText = (extents: readonly Extent[], blocks: number | undefined, options: Options): string => {
  const total = `${formatBytes(totalBytes(extents))} in ${counted(extents.length, 'extent')} may differ`
  if (blocks === undefined || options.blockSize === undefined) return total
  return `${total}, in ${counted(blocks, 'block')} of ${formatBytes(blockSizes[options.blockSize])}`
}

const diff = (
  session: Session,
  volume: string,
  base: string,
  name: string,
  options: Options,
): Promise<Outcome> =>
  withPool(session, options, async (pool) => {
    const reader = await pool.openSnapshot(volume, name)
    const extents: Extent[] = []
    try {
      for await (const extent of reader.changedSince(base)) {
        session.signal.throwIfAborted()
        extents.push(extent)
      }
    } finally {
      reader.close()
    }
    const blockSizeBytes = options.blockSize && blockSizes[options.blockSize]
    const blocks = blockSizeBytes && blocksOf(extents, blockSizeBytes).length
    return {
      json: {
        volume,
        base,
        snapshot: name,
        changedBytes: totalBytes(extents),
        blockSizeBytes,
        blocks,
        extents,
      },
      text: [...extentsText(extents), totalText(extents, blocks, options)].join('\n'),
    }
  })

export const addPoolSnapshotDiff = (parent: Command, act: Act): Command =>
  parent
    .command('diff')
    .description('show where two snapshots of a volume may differ')
    .argument('<volume>', 'name of the volume')
    .argument('<base>', 'name of the earlier snapshot')
    .argument('<snapshot>', 'name of the later snapshot')
    .addOption(poolOption())
    .addOption(
      new Option('--block-size <size>', 'count blocks of this size, too').choices(Object.keys(blockSizes)),
    )
    .addHelpText('after', example)
    .action((volume: string, base: string, name: string, options: Options) =>
      act((session) => diff(session, volume, base, name, options)),
    )
