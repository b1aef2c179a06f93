import { Option, type Command } from 'commander'
import { createBackup, type CreateBackupResult } from '#lib/backup/create-backup.ts'
import { fileSource } from '#lib/backup/file-source.ts'
import { compressionMethods, type CompressionMethod } from '#lib/backupstore/block.ts'
import { formatBytes, MiB } from '#lib/base/sizes.ts'
import { parseTargetUrl } from '#lib/target/target-url.ts'
import { parseLabels } from '../labels.ts'
import { urlOf } from '../location.ts'
import { openStore } from '../open-store.ts'
import { parseDuration, parseName, parseNotEmpty } from '../options.ts'
import { fieldsText } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'

const blockSizes = { '2Mi': 2 * MiB, '16Mi': 16 * MiB }

interface Options {
  from: string
  to: string
  volume: string
  name?: string
  snapshot?: string
  label?: string[]
  blockSize?: keyof typeof blockSizes
  compression?: CompressionMethod
  full?: boolean
  storageClass?: string
  lockWait?: number
}

const example = `
Examples:
  $ drover backup create --from disk.img --to s3://backups@eu-central-1/ --volume web
  $ drover backup create --from /dev/vg0/web-snapshot --to file:///mnt/nas/backups/ --volume web --label team=shop

What is backed up must not be written to meanwhile: back up a snapshot, or stop what writes.
The first backup of a volume uploads all blocks that were ever written, later ones those that changed.`

const blocksText = ({ blockCount, blockSizeBytes, newBlocks, reSentBlocks }: CreateBackupResult): string => {
  const again = reSentBlocks > 0 ? `, ${reSentBlocks} sent again` : ''
  return `${blockCount} of ${formatBytes(blockSizeBytes)}, ${newBlocks} of them new${again}`
}

const text = (result: CreateBackupResult, url: string, seconds: number): string =>
  fieldsText({
    backup: result.backupName,
    url,
    volume: `${result.volumeName}, ${formatBytes(result.volumeSizeBytes)}`,
    snapshot: `${result.snapshotName}, ${result.snapshotCreatedAt}`,
    'compared with': result.baseBackupName,
    blocks: blocksText(result),
    uploaded: `${formatBytes(result.newBytes + result.reSentBytes)} (${result.compression})`,
    took: `${seconds.toFixed(1)} s`,
  })

const create = async (session: Session, options: Options): Promise<Outcome> => {
  const labels = parseLabels(options.label ?? [])
  const target = parseTargetUrl(options.to)
  const { log, clock, ids, signal, progress, workers } = session
  const startedAt = performance.now()
  const source = await fileSource(options.from, workers)
  try {
    const store = await openStore(target)
    const result = await createBackup({ store, clock, ids, log })({
      volumeName: options.volume,
      source,
      backupName: options.name,
      snapshotName: options.snapshot,
      labels,
      mode: options.full ? 'full' : 'incremental',
      blockSizeBytes: options.blockSize && blockSizes[options.blockSize],
      compression: options.compression,
      storageClassName: options.storageClass,
      lockWaitMs: options.lockWait,
      signal,
      onProgress: ({ doneBytes, totalBytes }) =>
        progress.show({ what: 'backing up', done: doneBytes, total: totalBytes, unit: 'bytes' }),
    })
    const elapsedMs = Math.round(performance.now() - startedAt)
    const url = urlOf({ target, volumeName: result.volumeName, backupName: result.backupName })
    return {
      json: { url, ...result, labels, elapsedMs },
      text: text(result, url, elapsedMs / 1000),
      urls: [url],
    }
  } finally {
    await source.close()
  }
}

export const addBackupCreate = (parent: Command, act: Act): Command =>
  parent
    .command('create')
    .description('back up a file or block device; only blocks that the volume does not have yet are uploaded')
    .requiredOption('--from <file|device>', 'what to back up')
    .requiredOption('--to <target>', 'backup target: s3://<bucket>@<region>/<path>/ or file:///<folder>/')
    .requiredOption('--volume <name>', 'backup volume, which holds all backups of one disk')
    .option('--name <name>', 'name of the backup (default: made)', parseName)
    .option('--snapshot <name>', 'name of the snapshot that is backed up (default: made)', parseName)
    .option('--label <key=value...>', 'labels of the backup')
    .addOption(
      new Option('--block-size <size>', 'for a first backup; later ones keep it (default: 2Mi)').choices(
        Object.keys(blockSizes),
      ),
    )
    .addOption(
      new Option('--compression <method>', 'for a first backup; later ones keep it (default: lz4)').choices(
        compressionMethods,
      ),
    )
    .option('--full', 'upload every block again, over what is there')
    .option('--storage-class <name>', 'kept with the volume, for a restore in Kubernetes', parseNotEmpty)
    .option(
      '--lock-wait <duration>',
      'how long to wait for a deletion of the volume to end, as 90s or 15m (default: 15m)',
      parseDuration,
    )
    .addHelpText('after', example)
    .action((options: Options) => act((session) => create(session, options)))
