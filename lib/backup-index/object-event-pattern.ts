/**
 * @module object-event-pattern: which of S3's events EventBridge gives to index-backup: those of a backupstore's configs, of volumes
 * and of backups. Blocks and locks, which are nearly all that is written, cost no invocation.
 *
 * It does not tell `volume.cfg` and `backup_*.cfg` from another `.cfg`, which nobody writes there; object-event.ts judges what
 * comes. EventBridge refuses patterns that are "too complex" and does not say when: by its own matcher's measure
 * one of 9 was taken and one of 12 refused (https://github.com/vals-ai/Valkyrie/pull/278). This one has 5, and would have 16
 * if it named both in full.
 * Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */
import { volumesFolder } from '#lib/backupstore/keys.ts'

export interface ObjectEventPattern {
  source: string[]
  'detail-type': string[]
  detail: { bucket: { name: string[] }; object: { key: { wildcard: string }[] } }
}

/** Targets lie at the root of their bucket, or in any folder of it. PutRule takes 2,048 characters: 25 buckets of the longest names. */
export const objectEventPattern = (buckets: readonly string[]): ObjectEventPattern => ({
  source: ['aws.s3'],
  'detail-type': ['Object Created', 'Object Deleted'],
  detail: {
    bucket: { name: [...buckets] },
    object: { key: ['', '*/'].map((root) => ({ wildcard: `${root}${volumesFolder}*.cfg` })) },
  },
})
