/**
 * @module everything: parameters with which all that the template may make is made.
 */
export const formerKeys = ['first', 'second'].map((id) => `arn:aws:kms:us-east-1:123456789012:key/${id}`)

export const everything = {
  ArtifactsBucket: 'artifacts',
  AdditionalBuckets: 'second,third',
  TargetRoleArns: 'arn:aws:iam::999999999999:role/backups',
  EncryptionKey: 'new',
  FormerEncryptionKeys: formerKeys.join(','),
  LogRetentionDays: '90',
  Tracing: 'on',
  Monitoring: 'full',
  AlarmEmail: 'operator@example.org',
}
