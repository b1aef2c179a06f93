/**
 * @module object-event-pattern: which of S3's events EventBridge gives to index-backup: those of `volume.cfg` and `backup_*.cfg`. Blocks
 * and locks, which are nearly all that is written, cost no invocation.
 *
 * Folders above are left out: EventBridge refuses patterns that are "too complex" and does not say when. By its own matcher's
 * measure one of 9 was taken and one of 12 refused (https://github.com/vals-ai/Valkyrie/pull/278); whole paths would have 16.
 * object-event.ts judges what comes.
 * Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */
export interface ObjectEventPattern {
  source: string[]
  'detail-type': string[]
  detail: {
    bucket: { name: string[] }
    reason: { 'anything-but': string }[]
    object: { key: ({ wildcard: string } | { suffix: string })[] }
  }
}

/** Targets lie at the root of their bucket, or in any folder of it. PutRule takes 2,048 characters: 25 buckets of the longest names. */
export const objectEventPattern = (buckets: readonly string[]): ObjectEventPattern => ({
  source: ['aws.s3'],
  'detail-type': ['Object Created', 'Object Deleted'],
  detail: {
    bucket: { name: [...buckets] },
    // Of a bucket with versions: what was deleted is gone since then.
    reason: [{ 'anything-but': 'Lifecycle Expiration' }],
    object: { key: [{ wildcard: '*/backups/backup_*.cfg' }, { suffix: '/volume.cfg' }] },
  },
})
