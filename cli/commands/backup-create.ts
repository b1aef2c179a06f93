import { Option, type Command } from 'commander'
import { backUpVolume, releaseLeftSnapshots, type BackUpVolumeResult } from '#lib/backup/back-up-volume.ts'
import { createBackup, type CreateBackup, type CreateBackupResult } from '#lib/backup/create-backup.ts'
import { fileSource } from '#lib/backup/file-source.ts'
import { compressionMethods, type CompressionMethod } from '#lib/backupstore/block.ts'
import { formatBytes } from '#lib/base/sizes.ts'
import { formatTargetUrl, parseTargetUrl, type Target } from '#lib/target/target-url.ts'
import { refuseOptions } from '../backup-where.ts'
import { createBackupOnService, type CreateOnService } from '../backups-on-service.ts'
import { parseBackupLabels } from '../labels.ts'
import { urlOf } from '../location.ts'
import { onService } from '../open-api.ts'
import { poolOption, withPool, type PoolOptions } from '../open-pool.ts'
import { openStore } from '../open-store.ts'
import { withWait } from '../operate.ts'
import { blockSizes, parseDuration, parseName, parseNotEmpty, type BlockSize } from '../options.ts'
import { consistencyText } from '../output/snapshot-view.ts'
import { fieldsText } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'
import { UsageError } from '../usage-error.ts'
import { clusterOption } from '../volume-reference.ts'

interface Options extends PoolOptions, CreateOnService {
  from?: string
  fromVolume?: string
  to?: string
  volume?: string
  blockSize?: BlockSize
  compression?: CompressionMethod
  storageClass?: string
  lockWait?: number
}

const example = `
Examples:
  $ drover backup create --from disk.img --to s3://backups@eu-central-1/ --volume web
  $ drover backup create --from /dev/vg0/web-snapshot --to file:///mnt/nas/backups/ --volume web --label team=shop
  $ drover backup create --from-volume web --pool /srv/drover --to s3://backups@eu-central-1/
  $ drover backup create web --label reason=upgrade

The last one is a volume of the service, which knows where its backups go.
A file or device must not be written to meanwhile: back up a snapshot, or stop what writes. Of a pool's volume a snapshot is
taken, or the one that --snapshot names is used; it may be written to.
The first backup of a volume uploads all blocks that were ever written, later ones those that changed.`

/** What is backed up, and as which backup volume. */
interface WantedFile {
  path: string
  volumeName: string
}
interface WantedVolume {
  poolVolumeName: string
  poolOptions: PoolOptions
  volumeName: string
}

const wantedVolume = (options: Options): WantedVolume | undefined => {
  const { fromVolume, volume = fromVolume } = options
  if (fromVolume === undefined || volume === undefined) return undefined
  return { poolVolumeName: fromVolume, poolOptions: options, volumeName: volume }
}

/** @throws UsageError. */
const wantedFile = ({ from, volume }: Options): WantedFile => {
  if (from === undefined) {
    throw new UsageError('wrong-usage', 'neither --from nor --from-volume was given', {
      hint: 'say what to back up with one of them',
    })
  }
  if (volume === undefined) {
    throw new UsageError('wrong-usage', '--volume was not given', {
      hint: 'name the backup volume, which holds all backups of one disk',
    })
  }
  return { path: from, volumeName: volume }
}

/** What both kinds take. */
type CommonCommand = Omit<CreateBackup, 'source' | 'volumeName'>

const commandOf = ({ signal, progress }: Session, options: Options): CommonCommand => ({
  backupName: options.name,
  snapshotName: options.snapshot,
  labels: parseBackupLabels(options.label ?? []),
  mode: options.full ? 'full' : 'incremental',
  blockSizeBytes: options.blockSize && blockSizes[options.blockSize],
  compression: options.compression,
  storageClassName: options.storageClass,
  lockWaitMs: options.lockWait,
  signal,
  onProgress: ({ doneBytes, totalBytes }) =>
    progress.show({ what: 'backing up', done: doneBytes, total: totalBytes, unit: 'bytes' }),
})

type Result = CreateBackupResult & Partial<Pick<BackUpVolumeResult, 'comparedBy' | 'consistency'>>

const backUpFile = async (
  { clock, ids, log, workers }: Session,
  target: Target,
  { path, ...wanted }: WantedFile,
  common: CommonCommand,
): Promise<Result> => {
  const source = await fileSource(path, workers)
  try {
    const store = await openStore(target)
    return await createBackup({ store, clock, ids, log })({ ...common, ...wanted, source })
  } finally {
    await source.close()
  }
}

const backUpPoolVolume = async (
  session: Session,
  target: Target,
  { poolOptions, ...wanted }: WantedVolume,
  common: CommonCommand,
): Promise<Result> => {
  const { clock, ids, log, workers } = session
  const store = await openStore(target)
  return withPool(session, poolOptions, async (pool) => {
    // Nobody else has the pool, so nobody is backing it up.
    await releaseLeftSnapshots({ pool, log })(wanted.poolVolumeName)
    const deps = { store, clock, ids, log, pool, workers }
    return backUpVolume(deps)({ ...common, ...wanted, target: formatTargetUrl(target) })
  })
}

const blocksText = ({ blockCount, blockSizeBytes, newBlocks, reSentBlocks }: CreateBackupResult): string => {
  const again = reSentBlocks > 0 ? `, ${reSentBlocks} sent again` : ''
  return `${blockCount} of ${formatBytes(blockSizeBytes)}, ${newBlocks} of them new${again}`
}

/** How it was found out what to send. */
const comparedText = ({ baseBackupName, comparedBy, readBlocks }: Result): string | undefined => {
  if (comparedBy === undefined || baseBackupName === undefined) return undefined
  const read = `${readBlocks} of its blocks read`
  return comparedBy === 'snapshots'
    ? `snapshots: what changed between them, ${read}`
    : `content: every block in use, ${read}`
}

const text = (result: Result, url: string, seconds: number): string =>
  fieldsText({
    backup: result.backupName,
    url,
    volume: `${result.volumeName}, ${formatBytes(result.volumeSizeBytes)}`,
    snapshot: `${result.snapshotName}, ${result.snapshotCreatedAt}`,
    consistency: result.consistency && consistencyText(result.consistency),
    'compared with': result.baseBackupName,
    'compared by': comparedText(result),
    blocks: blocksText(result),
    uploaded: `${formatBytes(result.newBytes + result.reSentBytes)} (${result.compression})`,
    took: `${seconds.toFixed(1)} s`,
  })

/** @throws UsageError, TargetError. */
const targetOf = ({ to }: Options): Target => {
  if (to !== undefined) return parseTargetUrl(to)
  throw new UsageError('wrong-usage', '--to was not given', {
    hint: 'say where to with --to <target>, or name a volume of the service to back up',
  })
}

/** Without the service. */
const createHere = async (session: Session, options: Options): Promise<Outcome> => {
  refuseOptions({ ...options }, ['url', 'tokenFile', 'wait', 'cluster'], 'a backup without the service')
  const fromVolume = wantedVolume(options)
  const command = commandOf(session, options)
  const target = targetOf(options)
  const startedAt = performance.now()
  const result = fromVolume
    ? await backUpPoolVolume(session, target, fromVolume, command)
    : await backUpFile(session, target, wantedFile(options), command)
  const elapsedMs = Math.round(performance.now() - startedAt)
  const url = urlOf({ target, volumeName: result.volumeName, backupName: result.backupName })
  return {
    json: {
      url,
      comparedBy: undefined,
      consistency: undefined,
      ...result,
      labels: command.labels,
      elapsedMs,
    },
    text: text(result, url, elapsedMs / 1000),
    handles: [url],
  }
}

const notOfService = [
  'from',
  'fromVolume',
  'pool',
  'to',
  'volume',
  'blockSize',
  'compression',
  'storageClass',
  'lockWait',
]

const create = async (session: Session, volume: string | undefined, options: Options): Promise<Outcome> => {
  if (volume === undefined) return createHere(session, options)
  refuseOptions({ ...options }, notOfService, 'a volume of the service')
  return createBackupOnService(session, volume, options)
}

export const addBackupCreate = (parent: Command, act: Act): Command =>
  withWait(onService(parent.command('create')))
    .description(
      'back up a volume, file or block device; only blocks that the backup volume does not have yet are uploaded',
    )
    .argument('[volume]', 'what to back up: a volume of the service')
    .addOption(clusterOption())
    .option('--from <file|device>', 'what to back up')
    .addOption(new Option('--from-volume <name>', 'what to back up: a volume of a pool').conflicts('from'))
    .addOption(poolOption().conflicts('from'))
    .option('--to <target>', 'backup target: s3://<bucket>@<region>/<path>/ or file:///<folder>/')
    .option(
      '--volume <name>',
      'backup volume, which holds all backups of one disk (default with --from-volume: its name)',
    )
    .option('--name <name>', 'name of the backup (default: made)', parseName)
    .option(
      '--snapshot <name>',
      'name of the snapshot that is backed up (default: made); with --from-volume one that the volume has',
      parseName,
    )
    .option('--label <key=value...>', 'labels of the backup')
    .addOption(
      new Option(
        '--block-size <size>',
        "for a first backup; later ones keep it (default: 2Mi, or the pool's volume's)",
      ).choices(Object.keys(blockSizes)),
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
    .action((volume: string | undefined, options: Options) =>
      act((session) => create(session, volume, options)),
    )
