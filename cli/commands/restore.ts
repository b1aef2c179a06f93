import { Option, type Command } from 'commander'
import { fileTarget } from '#lib/backup/file-target.ts'
import { restoreBackup, type RestoreBackup, type RestoreBackupResult } from '#lib/backup/restore-backup.ts'
import { restoreToVolume } from '#lib/backup/restore-to-volume.ts'
import { formatBytes } from '#lib/base/sizes.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { backupWhere, refuseOptions } from '../backup-where.ts'
import { parseBackupLocation } from '../location.ts'
import { onService } from '../open-api.ts'
import { poolOption, withPool, type PoolOptions } from '../open-pool.ts'
import { openStore } from '../open-store.ts'
import { withWait } from '../operate.ts'
import { parseNotEmpty } from '../options.ts'
import { counted } from '../output/counted.ts'
import { fieldsText, tableText } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import { restoreOnService, type RestoreOnService } from '../restore-on-service.ts'
import type { Act, Session } from '../session.ts'
import { UsageError } from '../usage-error.ts'
import { clusterOption } from '../volume-reference.ts'

interface Options extends PoolOptions, RestoreOnService {
  to?: string
  toVolume?: string
  fromBackup?: string
}

const example = `
Examples:
  $ drover restore 's3://backups@eu-central-1/?backup=backup-0123456789abcdef&volume=web' --to disk.img
  $ drover restore 'file:///mnt/nas/backups/?backup=monday&volume=web' --to /dev/vg0/web --from-backup sunday
  $ drover restore 'file:///mnt/nas/backups/?backup=monday&volume=web' --to-volume web-of-monday --pool /srv/drover
  $ drover restore nas/web/latest --volume standby/web

Every block is verified before it is written. A new file appears under its name only when it is complete;
a file or device that is there already is written over. A volume must be new, and is there only when it is complete.`

const lostText = ({ lost }: RestoreBackupResult): string[] => {
  if (lost.length === 0) return []
  const rows = lost.flatMap(({ offsetsBytes, reason }) => offsetsBytes.map((offset) => ({ offset, reason })))
  const columns = [
    { title: 'LOST AT BYTE', value: (row: (typeof rows)[number]) => String(row.offset), isRight: true },
    { title: 'REASON', value: (row: (typeof rows)[number]) => row.reason },
  ]
  return ['', tableText(rows, columns), '', 'what was lost is zeros in the restored volume']
}

const text = (result: RestoreBackupResult, to: string, seconds: number): string =>
  [
    fieldsText({
      restored: `${result.backupName} of volume ${result.volumeName}, ${formatBytes(result.volumeSizeBytes)}`,
      to,
      written: `${counted(result.writtenBlocks, 'block')} of ${formatBytes(result.blockSizeBytes)}`,
      'put right':
        result.driftedBlocks === 0
          ? undefined
          : `${counted(result.driftedBlocks, 'block')} that had changed there`,
      fetched: formatBytes(result.fetchedBytes),
      took: `${seconds.toFixed(1)} s`,
    }),
    ...lostText(result),
  ].join('\n')

/** What both kinds take. */
type CommonCommand = Omit<RestoreBackup, 'target' | 'fromBackupName'>

const restoreToFile = async (
  { workers }: Session,
  store: ObjectStore,
  path: string,
  command: CommonCommand & Pick<RestoreBackup, 'fromBackupName'>,
): Promise<RestoreBackupResult> => {
  const file = await fileTarget(path, workers)
  const restoring = restoreBackup({ store })({ ...command, target: file })
  const result = await restoring.catch(async (error: unknown) => {
    await file.abandon()
    throw error
  })
  await file.finish()
  return result
}

const restoreTo = async (session: Session, url: string, options: Options): Promise<RestoreBackupResult> => {
  const { target, volumeName, backupName } = parseBackupLocation(url)
  const { signal, progress, workers } = session
  const command: CommonCommand = {
    volumeName,
    backupName,
    salvage: options.salvage,
    signal,
    onProgress: ({ phase, doneBytes, totalBytes }) =>
      progress.show({ what: phase, done: doneBytes, total: totalBytes, unit: 'bytes' }),
  }
  const { to, toVolume: poolVolumeName, fromBackup: fromBackupName } = options
  if (to !== undefined)
    return restoreToFile(session, await openStore(target), to, { ...command, fromBackupName })
  if (poolVolumeName === undefined) {
    throw new UsageError('wrong-usage', 'neither --to nor --to-volume was given', {
      hint: 'say where to restore with one of them',
    })
  }
  const store = await openStore(target)
  return withPool(session, options, (pool) =>
    restoreToVolume({ store, pool, workers })({ ...command, poolVolumeName }),
  )
}

const restoreFromStore = async (session: Session, url: string, options: Options): Promise<Outcome> => {
  refuseOptions({ ...options }, ['url', 'tokenFile', 'wait', 'volume', 'cluster', 'node'], 'a URL')
  const startedAt = performance.now()
  const result = await restoreTo(session, url, options)
  const elapsedMs = Math.round(performance.now() - startedAt)
  const isComplete = result.lost.length === 0
  return {
    json: { isComplete, to: options.to, toVolume: options.toVolume, ...result, elapsedMs },
    text: text(result, options.to ?? `volume ${options.toVolume}`, elapsedMs / 1000),
    exit: isComplete ? 'done' : 'damaged',
  }
}

const restore = async (session: Session, backup: string, options: Options): Promise<Outcome> => {
  const where = backupWhere(backup)
  if (where.kind === 'url') return restoreFromStore(session, backup, options)
  refuseOptions({ ...options }, ['to', 'toVolume', 'pool', 'fromBackup'], 'the service')
  return restoreOnService(session, backup, where, options)
}

export const addRestore = (parent: Command, act: Act): Command =>
  withWait(onService(parent.command('restore')))
    .description('write a backup into a file, a block device or a new volume')
    .argument(
      '<backup>',
      'URL of a backup; or TARGET/BACKUP-VOLUME/BACKUP of the service, latest for the newest',
    )
    .option('--to <file|device>', 'where to; a device must be at least as large as the volume')
    .addOption(new Option('--to-volume <name>', 'where to: a new volume of a pool').conflicts('to'))
    .addOption(poolOption().conflicts('to'))
    .addOption(
      new Option(
        '--from-backup <name>',
        'what is there was restored from this backup: fetch only what differs',
      ).conflicts('toVolume'),
    )
    .option(
      '--salvage',
      'go on past blocks that are missing or damaged; ends with exit code 4 if there are any',
    )
    .option('--volume <volume>', 'where the service restores to: a new volume', parseNotEmpty)
    .addOption(clusterOption())
    .option('--node <name>', 'where that is (default: the node with the most room)', parseNotEmpty)
    .addHelpText('after', example)
    .action((url: string, options: Options) => act((session) => restore(session, url, options)))
