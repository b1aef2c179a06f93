/**
 * @module object-event: what tells that an object of a backupstore was written or removed, in the shapes in which it comes, and
 * which backup volumes it is about. What it says beyond the key is not used: the store is looked at.
 *
 * - EventBridge's, of S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html; its keys are as they are.
 * - S3's own notification, also MinIO's webhook: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html;
 *   its keys are encoded as in a form, and a first message without records tells only that it was set up.
 * - Ours, shaped as EventBridge's, from a report.
 * - Any of these as the bodies of a batch of SQS.
 */
import * as z from 'zod'
import { parsedJson } from '#lib/base/parsed-json.ts'
import { configNameOf } from '#lib/backupstore/keys.ts'
import { isValidName } from '#lib/backupstore/names.ts'
import type { Target } from '#lib/catalog/entities.ts'
import { TargetError } from '#lib/target/target-error.ts'
import { parseTargetUrl } from '#lib/target/target-url.ts'
import { BackupIndexError } from './backup-index-error.ts'

/** A backup volume of a target that is in the catalog. */
export interface ChangedBackupVolume {
  target: string
  backupVolume: string
  /** Which of its backups, `[]`: its volume.cfg alone. Left out: nobody said. */
  backups?: readonly string[] | undefined
}

const bucket = z.object({ name: z.string() })

const formDecoded = z.string().transform((text, context) => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    context.addIssue({ code: 'custom', message: 'is not encoded as in a URL' })
    return z.NEVER
  }
})

interface Change {
  objects: { bucket: string; key: string }[]
  volumes: ChangedBackupVolume[]
}

const ObjectChanged = z
  .object({
    source: z.literal('aws.s3'),
    'detail-type': z.enum(['Object Created', 'Object Deleted']),
    detail: z.object({ bucket, object: z.object({ key: z.string() }) }),
  })
  .transform(({ detail }): Change => ({
    objects: [{ bucket: detail.bucket.name, key: detail.object.key }],
    volumes: [],
  }))

const Notification = z
  .object({
    Records: z.array(z.object({ s3: z.object({ bucket, object: z.object({ key: formDecoded }) }) })),
  })
  .transform(({ Records }): Change => ({
    objects: Records.map(({ s3 }) => ({ bucket: s3.bucket.name, key: s3.object.key })),
    volumes: [],
  }))

const NotificationSetUp = z
  .object({ Event: z.literal('s3:TestEvent') })
  .transform((): Change => ({ objects: [], volumes: [] }))

const BackupCommitted = z
  .object({
    source: z.literal('drover'),
    'detail-type': z.literal('Backup Committed'),
    detail: z.object({
      target: z.string(),
      backupVolume: z.string(),
      backups: z.array(z.string()).optional(),
    }),
  })
  .transform(({ detail }): Change => ({ objects: [], volumes: [detail] }))

const ObjectEvent = z.union([ObjectChanged, Notification, NotificationSetUp, BackupCommitted])

const QueuedEvents = z.object({ Records: z.array(z.object({ body: z.string() })) })

/** Of a batch its events, else the event itself. */
export const eventsIn = (event: unknown): unknown[] =>
  QueuedEvents.safeParse(event).data?.Records.map(({ body }) => parsedJson(body)) ?? [event]

/** Ours too: all of a target is to be looked at, for what no event told. */
const TargetLookDue = z.object({
  source: z.literal('drover'),
  'detail-type': z.literal('Target Look Due'),
  detail: z.object({ target: z.string(), byHand: z.boolean().default(false) }),
})

/** The target that is to be looked at; `undefined`: it is another event. */
export const targetToLookAt = (event: unknown): { target: string; byHand: boolean } | undefined =>
  TargetLookDue.safeParse(event).data?.detail

/** What an agent's report of a backup that was made, or deleted, says to whoever listens to a store's events. */
export const backupCommittedEvent = (detail: ChangedBackupVolume) => ({
  source: 'drover',
  'detail-type': 'Backup Committed',
  detail,
})

const changeIn = (event: unknown): Change => {
  const read = ObjectEvent.safeParse(event)
  if (read.success) return read.data
  throw new BackupIndexError('unreadable-event', 'an object event of a store cannot be read', {
    hint: "events come from EventBridge, from S3's or MinIO's notifications, or from Drover itself",
    cause: read.error,
  })
}

/** In a target by a URL that nobody can read lies no key. */
const s3PlaceOf = ({ url }: Target): { bucket: string; path: string } | undefined => {
  try {
    const place = parseTargetUrl(url)
    return place.kind === 's3' ? place : undefined
  } catch (error) {
    if (error instanceof TargetError) return undefined
    throw error
  }
}

interface Named {
  volume: string
  backups: readonly string[] | undefined
}

/** Servers are not told apart: of two with buckets of one name both are looked at. */
const namedIn = ({ objects, volumes }: Change, target: Target): Named[] => {
  const place = s3PlaceOf(target)
  const named = volumes
    .filter((each) => each.target === target.name && isValidName(each.backupVolume))
    .map(({ backupVolume, backups }) => ({ volume: backupVolume, backups: backups?.filter(isValidName) }))
  const touched = objects
    .filter(({ bucket: name, key }) => name === place?.bucket && key.startsWith(place.path))
    .flatMap(({ key }) => configNameOf(key.slice(place?.path.length)) ?? [])
    .map(({ volume, backup }) => ({ volume, backups: backup === undefined ? [] : [backup] }))
  return [...named, ...touched]
}

/** Where one of them says nothing of backups, any may have changed. */
export const backupsOf = (changes: readonly Pick<ChangedBackupVolume, 'backups'>[]): string[] | undefined =>
  changes.some(({ backups }) => backups === undefined)
    ? undefined
    : [...new Set(changes.flatMap(({ backups }) => backups ?? []))]

/** Distinct. Nothing for keys that are no backup's or volume's config of these targets. @throws BackupIndexError `unreadable-event`. */
export const changedBackupVolumes = (event: unknown, targets: readonly Target[]): ChangedBackupVolume[] => {
  const changes = eventsIn(event).map(changeIn)
  return targets.flatMap((target) => {
    const named = Map.groupBy(
      changes.flatMap((change) => namedIn(change, target)),
      ({ volume }) => volume,
    )
    return [...named].map(([backupVolume, all]) => {
      const backups = backupsOf(all)
      return { target: target.name, backupVolume, ...(backups && { backups }) }
    })
  })
}
