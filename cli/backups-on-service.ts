/**
 * @module backups-on-service: what the backup commands do where they name what the service's catalog knows, instead of a URL.
 */
import type { ApiClient } from '#lib/api/client.ts'
import type { Backup, Operation } from './answers.ts'
import { requireBackup, requireBackupVolume, type BackupReference } from './backup-where.ts'
import { requireAnswer, requireYes, type YesOption } from './confirmed.ts'
import { parseBackupLabels } from './labels.ts'
import { namedBackup } from './named-backup.ts'
import { openApi, type ApiOptions } from './open-api.ts'
import { operate, type WaitOptions } from './operate.ts'
import {
  backupName,
  catalogBackupColumns,
  catalogBackupOutcome,
  catalogVolumeColumns,
} from './output/catalog-view.ts'
import { counted } from './output/counted.ts'
import { listed } from './output/listed.ts'
import { freedText, numberIn, readText, textIn, uploadedText } from './output/operation-view.ts'
import { fieldsText } from './output/tables.ts'
import type { Outcome } from './output/terminal.ts'
import type { Session } from './session.ts'
import { volumeReference, type ClusterOptions } from './volume-reference.ts'

export type ServiceOptions = ApiOptions & WaitOptions

export interface CreateOnService extends ServiceOptions, ClusterOptions {
  name?: string
  snapshot?: string
  label?: string[]
  full?: boolean
}

const madeText = (operation: Operation, name: string): string => {
  const { cluster, volume } = operation
  const snapshot = [textIn(operation, 'snapshot'), textIn(operation, 'snapshotCreatedAt')]
  return fieldsText({
    backup: name,
    volume: `${cluster}/${volume}`,
    snapshot: snapshot.filter((part) => part !== undefined).join(', ') || undefined,
    uploaded: uploadedText(operation),
  })
}

export const createBackupOnService = async (
  session: Session,
  volumeName: string,
  options: CreateOnService,
): Promise<Outcome> => {
  const { cluster, volume } = volumeReference(volumeName, options)
  const { name, snapshot, label = [], full = false } = options
  const body = { name, snapshot, labels: parseBackupLabels(label), isFull: full }
  const client = await openApi(session, options)
  return operate(
    session,
    client,
    options,
    (asked) => client.volumes.backUp(cluster, volume, body, asked),
    (operation) => {
      const { target, backupVolume, backup } = operation.parameters
      const made = textIn(operation, 'backup') ?? backup
      const reference = [target, backupVolume, made].join('/')
      return { text: madeText(operation, reference), handles: [reference] }
    },
  )
}

const backupsOfTarget = async function* (client: ApiClient, target: string): AsyncGenerator<Backup> {
  for await (const { name } of client.backups.listVolumes(target)) yield* client.backups.list(target, name)
}

const backupsOfAll = async function* (client: ApiClient): AsyncGenerator<Backup> {
  for await (const { name } of client.targets.list()) yield* backupsOfTarget(client, name)
}

/** Without a reference the backups of all targets; of a target its backup volumes; of one of these its backups. */
export const listBackupsOnService = async (
  session: Session,
  reference: BackupReference | undefined,
  options: ApiOptions,
): Promise<Outcome> => {
  const client = await openApi(session, options)
  if (reference && reference.backupVolume === undefined) {
    const { target } = reference
    return listed(client.backups.listVolumes(target), {
      columns: catalogVolumeColumns,
      handle: ({ name }) => `${target}/${name}`,
      none: `target ${target} has no backups that the catalog knows of`,
    })
  }
  const { target = '', backupVolume = '' } = reference ?? {}
  return listed(reference ? client.backups.list(target, backupVolume) : backupsOfAll(client), {
    columns: catalogBackupColumns,
    handle: backupName,
    none: reference ? `backup volume ${target}/${backupVolume} has no backups` : 'there are no backups',
  })
}

export const showBackupOnService = async (
  session: Session,
  text: string,
  reference: BackupReference,
  options: ApiOptions,
): Promise<Outcome> => {
  const wanted = requireBackup(text, reference)
  const client = await openApi(session, options)
  const { target, backupVolume, backup } = await namedBackup(client, wanted)
  return catalogBackupOutcome(await client.backups.show(target, backupVolume, backup))
}

export const deleteBackupOnService = async (
  session: Session,
  text: string,
  reference: BackupReference,
  options: ServiceOptions & YesOption,
): Promise<Outcome> => {
  const { target, backupVolume, backup } = requireBackup(text, reference)
  requireAnswer(session, options, `deleting backup ${text}`)
  const client = await openApi(session, options)
  const { snapshotCreatedAt } = await client.backups.show(target, backupVolume, backup)
  await requireYes(session, options, `delete backup ${text}, of ${snapshotCreatedAt}?`)
  return operate(
    session,
    client,
    options,
    (asked) => client.backups.remove(target, backupVolume, backup, asked),
    (operation) => ({ text: `deleted backup ${text}\n${freedText(operation)}` }),
  )
}

const verifiedOutcome = (operation: Operation): Partial<Outcome> => {
  const bad = numberIn(operation, 'badBlocks')
  return {
    text: `${readText(operation)}: ${bad === 0 ? 'nothing is wrong' : `${counted(bad, 'bad block')}; the next backup of the volume sends them again`}`,
    exit: bad === 0 ? 'done' : 'damaged',
  }
}

export const verifyBackupOnService = async (
  session: Session,
  text: string,
  reference: BackupReference,
  options: ServiceOptions,
): Promise<Outcome> => {
  const wanted = requireBackup(text, reference)
  const client = await openApi(session, options)
  const { target, backupVolume, backup } = await namedBackup(client, wanted)
  return operate(
    session,
    client,
    options,
    (asked) => client.backups.verify(target, backupVolume, backup, asked),
    verifiedOutcome,
  )
}

export const collectOnService = async (
  session: Session,
  text: string,
  reference: BackupReference,
  options: ServiceOptions,
): Promise<Outcome> => {
  const { target, backupVolume } = requireBackupVolume(text, reference)
  const client = await openApi(session, options)
  return operate(
    session,
    client,
    options,
    (asked) => client.backups.collect(target, backupVolume, asked),
    (operation) => ({
      text: freedText(operation),
      exit: textIn(operation, 'skipped') === undefined ? 'done' : 'busy',
    }),
  )
}
