/**
 * @module bodies: what the API takes. Strict: what is not known is refused, so that a typing error is not passed over.
 */
import * as z from 'zod'
import { KiB } from '#lib/base/sizes.ts'
import { RecurringJob } from '#lib/jobs/recurring-job.ts'
import { parametersOf } from '#lib/operation/operation-kinds.ts'
import { targetSettingNames, TargetSettings } from '#lib/target/target-settings.ts'
import { parseTargetUrl } from '#lib/target/target-url.ts'
import { SettingView } from './views.ts'

/** Kubernetes' names of objects. */
export const ObjectName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/, 'has lower case letters, digits, "-" and ".", at most 63')
/** Of what goes into a backupstore: as names.ts there has it, said so that the OpenAPI document can tell it. */
export const StoreName = z
  .string()
  .regex(
    /^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,199}$/,
    'has 2 to 200 letters, digits, "_", "." and "-", and begins with a letter or digit',
  )

const mostLabelBytes = 16 * KiB
/** They go into each command, and into the backup's config. */
const labels = z
  .record(z.string().min(1), z.string())
  .refine((all) => Buffer.byteLength(JSON.stringify(all)) <= mostLabelBytes, 'has at most 16 KiB')
  .default({})

const url = z.string().superRefine((text, context) => {
  try {
    parseTargetUrl(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) })
  }
})

export const NewCluster = z.strictObject({ name: ObjectName })

const { sizeBytes, blockSizeBytes, sectorSizeBytes } = parametersOf['create-volume'].shape
const membership = {
  jobs: z.array(RecurringJob.shape.name).describe('Recurring jobs that it takes part in, by name'),
  groups: RecurringJob.shape.groups.describe('Groups of jobs; neither jobs nor groups: the group default'),
}
const backupLine = {
  target: ObjectName.nullable().describe('Where its backups go; left out: the setting default-backup-target'),
  backupVolume: StoreName.describe("Their name in the target; left out: the volume's, if that is free"),
}

export const NewVolume = z.strictObject({
  cluster: ObjectName,
  name: StoreName,
  sizeBytes,
  blockSizeBytes,
  sectorSizeBytes,
  node: ObjectName.optional().describe('Left out: the one with the most room'),
  target: backupLine.target.optional(),
  backupVolume: backupLine.backupVolume.optional(),
  jobs: membership.jobs.default([]),
  groups: membership.groups.default([]),
})
export type NewVolume = z.infer<typeof NewVolume>

/** What is left out stays as it is. */
export const VolumeChange = z.strictObject({
  target: backupLine.target.optional(),
  backupVolume: backupLine.backupVolume.optional(),
  jobs: membership.jobs.optional(),
  groups: membership.groups.optional(),
})
export type VolumeChange = z.infer<typeof VolumeChange>

export const AttachVolume = z.strictObject({ isMaintenance: z.boolean().default(false) })
export const ExpandVolume = z.strictObject({ sizeBytes })
export const RevertVolume = z.strictObject({ snapshot: StoreName })
export const NewSnapshot = z.strictObject({ name: StoreName.optional(), labels })
export const NewBackup = z.strictObject({
  name: StoreName.optional(),
  snapshot: StoreName.optional().describe('One that is there; left out: one is made for this backup'),
  labels,
  isFull: z.boolean().default(false),
})
export const NewRestore = z.strictObject({
  target: ObjectName,
  backupVolume: StoreName,
  backup: StoreName,
  cluster: ObjectName,
  volume: StoreName.describe('The name of the new volume'),
  node: ObjectName.optional().describe('Left out: the one with the most room'),
  isSalvage: z.boolean().default(false).describe('Leaves bad blocks out, instead of failing'),
})
export type NewRestore = z.infer<typeof NewRestore>

export const NewTarget = z.strictObject({
  name: ObjectName,
  url,
  credential: ObjectName.nullable().default(null).describe('The name of a secret'),
})
export const JobBody = RecurringJob.omit({ name: true }).extend({
  labels,
  groups: RecurringJob.shape.groups.default([]),
  isEnabled: z.boolean().default(true),
})
/** Longhorn's keys: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINTS, AWS_CERT, … */
export const SecretBody = z.record(z.string(), z.string()).superRefine((record, context) => {
  const known: ReadonlySet<string> = new Set(targetSettingNames)
  for (const name of Object.keys(record).filter((given) => !known.has(given)))
    context.addIssue({ code: 'custom', path: [name], message: `is none of ${targetSettingNames.join(', ')}` })
  if (Object.keys(record).length === 0) context.addIssue({ code: 'custom', message: 'has no key' })
  for (const { message } of TargetSettings.safeParse(record).error?.issues ?? [])
    context.addIssue({ code: 'custom', message })
})
export const SettingBody = z.strictObject({ value: SettingView.shape.value })
export const NewToken = z.strictObject({
  name: z.string().min(1).max(100),
  role: z.enum(['viewer', 'operator', 'admin']),
  expiresInSeconds: z
    .int()
    .min(1)
    .max(10 * 365 * 24 * 3600)
    .optional()
    .describe('Left out: it does not expire'),
})
export const NewJoinToken = z.strictObject({
  cluster: ObjectName,
  expiresInSeconds: z
    .int()
    .min(1)
    .max(7 * 24 * 3600)
    .default(24 * 3600),
})
