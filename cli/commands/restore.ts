import type { Command } from 'commander'
import { fileTarget } from '#lib/backup/file-target.ts'
import { restoreBackup, type RestoreBackupResult } from '#lib/backup/restore-backup.ts'
import { formatBytes } from '#lib/base/sizes.ts'
import { parseBackupLocation } from '../location.ts'
import { openStore } from '../open-store.ts'
import { counted } from '../output/counted.ts'
import { fieldsText, tableText } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'

interface Options {
  to: string
  fromBackup?: string
  salvage?: boolean
}

const example = `
Examples:
  $ drover restore 's3://backups@eu-central-1/?backup=backup-0123456789abcdef&volume=web' --to disk.img
  $ drover restore 'file:///mnt/nas/backups/?backup=monday&volume=web' --to /dev/vg0/web --from-backup sunday

Every block is verified before it is written. A new file appears under its name only when it is complete;
a file or device that is there already is written over.`

const lostText = ({ lost }: RestoreBackupResult): string[] => {
  if (lost.length === 0) return []
  const rows = lost.flatMap(({ offsetsBytes, reason }) => offsetsBytes.map((offset) => ({ offset, reason })))
  const columns = [
    { title: 'LOST AT BYTE', value: (row: (typeof rows)[number]) => String(row.offset), isRight: true },
    { title: 'REASON', value: (row: (typeof rows)[number]) => row.reason },
  ]
  return ['', tableText(rows, columns), '', 'what was lost is zeros in the restored volume']
}

const text = (result: RestoreBackupResult, path: string, seconds: number): string =>
  [
    fieldsText({
      restored: `${result.backupName} of volume ${result.volumeName}, ${formatBytes(result.volumeSizeBytes)}`,
      to: path,
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

const restoreTo = async (session: Session, url: string, options: Options): Promise<RestoreBackupResult> => {
  const { target, volumeName, backupName } = parseBackupLocation(url)
  const { signal, progress, workers } = session
  const store = await openStore(target)
  const file = await fileTarget(options.to, workers)
  const restoring = restoreBackup({ store })({
    volumeName,
    backupName,
    target: file,
    fromBackupName: options.fromBackup,
    salvage: options.salvage,
    signal,
    onProgress: ({ phase, doneBytes, totalBytes }) =>
      progress.show({ what: phase, done: doneBytes, total: totalBytes, unit: 'bytes' }),
  })
  const result = await restoring.catch(async (error: unknown) => {
    await file.abandon()
    throw error
  })
  await file.finish()
  return result
}

const restore = async (session: Session, url: string, options: Options): Promise<Outcome> => {
  const startedAt = performance.now()
  const result = await restoreTo(session, url, options)
  const elapsedMs = Math.round(performance.now() - startedAt)
  const isComplete = result.lost.length === 0
  return {
    json: { isComplete, to: options.to, ...result, elapsedMs },
    text: text(result, options.to, elapsedMs / 1000),
    exit: isComplete ? 'done' : 'damaged',
  }
}

export const addRestore = (parent: Command, act: Act): Command =>
  parent
    .command('restore')
    .description('write a backup into a file or block device')
    .argument('<url>', 'URL of a backup')
    .requiredOption('--to <file|device>', 'where to; a device must be at least as large as the volume')
    .option('--from-backup <name>', 'what is there was restored from this backup: fetch only what differs')
    .option(
      '--salvage',
      'go on past blocks that are missing or damaged; ends with exit code 4 if there are any',
    )
    .addHelpText('after', example)
    .action((url: string, options: Options) => act((session) => restore(session, url, options)))
