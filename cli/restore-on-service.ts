/**
 * @module restore-on-service: a backup that the catalog knows, restored to a new volume of a cluster.
 */
import { formatBytes } from '#lib/base/sizes.ts'
import { requireBackup, type BackupReference } from './backup-where.ts'
import type { ServiceOptions } from './backups-on-service.ts'
import { namedBackup } from './named-backup.ts'
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
  const named = await namedBackup(client, wanted)
  const body = { ...named, cluster, volume, node, isSalvage }
  return operate(
    session,
    client,
    options,
    (asked) => client.backups.restore(body, asked),
    (operation) => {
      const lost = numberIn(operation, 'lostBlocks')
      return {
        text: fieldsText({
          restored: `${named.target}/${named.backupVolume}/${named.backup}`,
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
