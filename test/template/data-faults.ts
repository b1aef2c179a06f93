/**
 * @module data-faults: whether data is of the shape that the code expects, outlives the stack, and is kept from others.
 */
import { isDeepStrictEqual } from 'node:util'
import { tableShape, tableTimeToLive } from '#lib/catalog/dynamodb-table.ts'
import { account, region, type ResolvedStack } from './resolved-stack.ts'
import type { JsonRecord } from './packaged-template.ts'

const tableFaults = ({ resources }: ResolvedStack): string[] => {
  const { Properties = {} } = resources['Table'] ?? {}
  const {
    TimeToLiveSpecification,
    PointInTimeRecoverySpecification,
    SSESpecification: _,
    ...shape
  } = Properties
  return [
    ...(isDeepStrictEqual(shape, tableShape)
      ? []
      : ['the table has another shape than lib/catalog/dynamodb-table.ts']),
    ...(isDeepStrictEqual(TimeToLiveSpecification, tableTimeToLive)
      ? []
      : ['items do not end when they are to']),
    ...(isDeepStrictEqual(PointInTimeRecoverySpecification, { PointInTimeRecoveryEnabled: true })
      ? []
      : ['the table cannot be brought back']),
  ]
}

/** S3 wakes the function itself, and not for blocks. */
const notified = (stackName: string) => (what: string) => ({
  Event: `s3:Object${what}:*`,
  Function: `arn:aws:lambda:${region}:${account}:function:${stackName}-index-backup`,
  Filter: { S3Key: { Rules: [{ Name: 'suffix', Value: '.cfg' }] } },
})

const bucketFaults = ({ resources, stackName }: ResolvedStack): string[] => {
  const { Properties } = resources['Bucket'] ?? {}
  if (!Properties) return []
  const open = Object.values(Properties['PublicAccessBlockConfiguration'] as JsonRecord)
  const wanted: [string, unknown][] = [
    ['NotificationConfiguration', { LambdaConfigurations: ['Created', 'Removed'].map(notified(stackName)) }],
    ['VersioningConfiguration', { Status: 'Enabled' }],
    ['OwnershipControls', { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] }],
  ]
  const policy = resources['BucketPolicy']?.Properties['PolicyDocument'] as
    | { Statement: JsonRecord[] }
    | undefined
  const [tls] = policy?.Statement ?? []
  const isTlsOnly =
    tls?.['Effect'] === 'Deny' &&
    tls['Principal'] === '*' &&
    tls['Action'] === 's3:*' &&
    isDeepStrictEqual(tls['Condition'], { Bool: { 'aws:SecureTransport': 'false' } })
  return [
    ...(open.length === 4 && open.every((blocked) => blocked === true) ? [] : ['the bucket may be public']),
    ...wanted
      .filter(([key, value]) => !isDeepStrictEqual(Properties[key], value))
      .map(([key]) => `the bucket's ${key}`),
    ...(Properties['BucketEncryption'] === undefined ? ['the bucket is not encrypted'] : []),
    ...(isTlsOnly ? [] : ['the bucket is open without TLS']),
  ]
}

const holdsData = ['AWS::DynamoDB::Table', 'AWS::S3::Bucket', 'AWS::S3::BucketPolicy', 'AWS::KMS::Key']

const retentionFaults = ({ resources }: ResolvedStack): string[] =>
  Object.entries(resources)
    .filter(([, { Type }]) => holdsData.includes(Type))
    .filter(
      ([, { DeletionPolicy, UpdateReplacePolicy }]) =>
        DeletionPolicy !== 'Retain' || UpdateReplacePolicy !== 'Retain',
    )
    .map(([id]) => `${id} goes with the stack`)

/** Who reads by a key: all that reach table or bucket. */
const usesKeys = [
  'RunRecurringJobRole',
  'IndexBackupRole',
  'RecordReportRole',
  'ReconcileRole',
  'PerformOperationRole',
  'ApiRole',
  'BackupRole',
]

const keyFaults = ({ resources, stackName }: ResolvedStack, formerKeys: readonly string[]): string[] =>
  ['KeyUse', ...(formerKeys.length > 0 ? ['FormerKeyUse'] : [])].flatMap((id) => {
    const { Roles, PolicyDocument } = resources[id]?.Properties ?? {}
    const { Statement = [] } = (PolicyDocument ?? {}) as { Statement?: JsonRecord[] }
    const former = Statement.some(
      ({ Action, Resource }) =>
        [Action].flat().includes('kms:Decrypt') &&
        (id === 'KeyUse' || isDeepStrictEqual(Resource, formerKeys)),
    )
    const roles = usesKeys.map((role) => `${stackName}-${role}`)
    return isDeepStrictEqual(Roles, roles) && former ? [] : [`what a key encrypted is not read by ${id}`]
  })

export const dataFaults = (stack: ResolvedStack, formerKeys: readonly string[]): string[] => [
  ...tableFaults(stack),
  ...bucketFaults(stack),
  ...retentionFaults(stack),
  ...keyFaults(stack, formerKeys),
]
