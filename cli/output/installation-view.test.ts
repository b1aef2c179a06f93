import { describe, expect, it } from 'vitest'
import { keptLines, leftoversText } from './installation-view.ts'

const where = { stack: 'drover', region: 'eu-central-1' }
const deleted = {
  kind: 'deleted' as const,
  id: 'arn',
  deletedAt: '2026-01-01T00:00:00.000Z',
  kept: [
    { type: 'AWS::DynamoDB::Table', name: 'drover-Table-X' },
    { type: 'AWS::S3::Bucket', name: 'backups' },
    { type: 'AWS::S3::BucketPolicy', name: 'policy' },
    { type: 'AWS::KMS::Key', name: 'key' },
  ],
}

describe('an installation as it is shown', () => {
  it('says how to delete what a stack kept, and nothing twice', () => {
    expect(keptLines(deleted, where)).toEqual([
      '  aws dynamodb delete-table --region eu-central-1 --table-name drover-Table-X',
      '  aws s3 rb --force --region eu-central-1 s3://backups',
      '  aws kms schedule-key-deletion --region eu-central-1 --pending-window-in-days 30 --key-id key',
    ])
    expect(keptLines({ kind: 'unknown' }, where)).toEqual([])
  })

  it('that is gone but for some of it', () => {
    const left = { stack: deleted, rules: [], queues: ['drover-node-a.fifo'], secrets: [] }
    expect(leftoversText(where, left).split('\n')).toEqual([
      'stack                       drover in eu-central-1: deleted at 2026-01-01T00:00:00.000Z',
      'rules of jobs               none',
      'queues of nodes             drover-node-a.fifo',
      'secrets                     none',
      'stayed when the stack went  DynamoDB::Table drover-Table-X, S3::Bucket backups, S3::BucketPolicy policy, KMS::Key key',
    ])
  })
})
