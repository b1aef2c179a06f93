/**
 * @module restore-on-service: a backup that the catalog knows, restored to a new volume of a cluster.
 */
import type { ApiClient } from '#lib/api/client.ts'
import { BackupstoreError } from '#lib/backupstore/backupstore-error.ts'
import { formatBytes } from '#lib/base/sizes.ts'
import { requireBackup, type BackupReference } from './backup-where.ts'
import type { ServiceOptions } from './backups-on-service.ts'
import { openApi } from './open-api.ts'
import { operate } from './operate.ts'
import { counted } from './output/counted.ts'
import { numberIn } from './output/operation-view.ts'
import { fieldsText } from './output/tables.ts'
import type { Outcome } from './output/terminal.ts'
import type { Session } from './session.ts'
import { UsageError } from './usage-error.ts'
import { volumeReference, type ClusterOptions } from './volume-reference.ts'

export interface RestoreOnService extends ServiceOptions, ClusterOptions {
  volume?: string
  node?: string
  salvage?: boolean
}

/** The name that stands for whichever is the newest that can be restored. */
const newestName = 'latest'

/** They are listed newest first. @throws BackupstoreError `backup-missing`. */
const nameOf = async (
  client: Pick<ApiClient, 'backups'>,
  { target, backupVolume, backup }: Required<BackupReference>,
): Promise<string> => {
  if (backup !== newestName) return backup
  for await (const { name, obstacle } of client.backups.list(target, backupVolume))
    if (obstacle === null) return name
  throw new BackupstoreError(
    'backup-missing',
    `${target}/${backupVolume} has no backup that can be restored`,
    {
      hint: `see: drover backup list ${target}/${backupVolume}`,
    },
  )
}

const requireVolume = ({ volume }: RestoreOnService): string => {
  if (volume !== undefined) return volume
  throw new UsageError('wrong-usage', '--volume was not given', {
    hint: 'name the new volume that the backup is restored to, as web-2 or standby/web',
  })
}

export const restoreOnService = async (
  session: Session,
  text: string,
  reference: BackupReference,
  options: RestoreOnService,
): Promise<Outcome> => {
  const wanted = requireBackup(text, reference)
  const { cluster, volume } = volumeReference(requireVolume(options), options)
  const { node, salvage: isSalvage = false } = options
  const client = await openApi(session, options)
  const backup = await nameOf(client, wanted)
  const body = { ...wanted, backup, cluster, volume, node, isSalvage }
  return operate(
    session,
    client,
    options,
    (asked) => client.backups.restore(body, asked),
    (operation) => {
      const lost = numberIn(operation, 'lostBlocks')
      return {
        text: fieldsText({
          restored: `${wanted.target}/${wanted.backupVolume}/${backup}`,
          volume: `${cluster}/${volume}, ${formatBytes(numberIn(operation, 'sizeBytes'))}`,
          node: operation.node,
          lost: lost === 0 ? undefined : `${counted(lost, 'block')}, which are zeros in the volume`,
        }),
        handles: [`${cluster}/${volume}`],
        exit: lost === 0 ? 'done' : 'damaged',
      }
    },
  )
}
