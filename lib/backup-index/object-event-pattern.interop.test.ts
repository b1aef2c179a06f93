import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge'
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { describe, expect, it } from 'vitest'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import type { Target } from '#lib/catalog/entities.ts'
import { askEventRuler } from '#test/oracles/event-ruler.ts'
import { motoAccount, startMoto } from '#test/oracles/moto.ts'
import { changedBackupVolumes } from './object-event.ts'
import { objectEventPattern } from './object-event-pattern.ts'

const targetAt = (name: string, url: string): Target => ({
  name,
  url,
  credential: null,
  reachedBy: null,
  createdAt: '2026-01-01T00:00:00Z',
  indexedAt: null,
  failure: null,
})
const targets = [
  targetAt('root', 's3://backups@us-east-1/'),
  targetAt('deep', 's3://backups@us-east-1/a b/c/'),
]
const web = volumeKeys('web')
const pattern = objectEventPattern(['backups', 'others'])

/** As https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html shows it. */
const eventOf = (
  key: string,
  { bucket = 'backups', type = 'Object Created', source = 'aws.s3', reason = 'PutObject' } = {},
) => ({
  version: '0',
  id: '17793124-05d4-b198-2fde-7ededc63b103',
  'detail-type': type,
  source,
  account: '111122223333',
  time: '2026-11-12T00:00:00Z',
  region: 'us-east-1',
  resources: [`arn:aws:s3:::${bucket}`],
  detail: {
    version: '0',
    bucket: { name: bucket },
    object: {
      key,
      size: 5,
      etag: 'b1946ac92492d2347c6235b4d2611184',
      'version-id': 'IYV3p45BT0ac8hjHg1houSdS1a.Mro8e',
      sequencer: '00617F08299329D189',
    },
    'request-id': 'N4N7GDK58NMKJ12R',
    requester: '123456789012',
    'source-ip-address': '1.2.3.4',
    reason,
  },
})

const taken = [
  eventOf(web.volumeConfig),
  eventOf(web.backupConfig('backup-1')),
  eventOf(web.backupConfig('b.c_d-e'), { type: 'Object Deleted', reason: 'DeleteObject' }),
  eventOf(web.volumeConfig, { bucket: 'others', type: 'Object Deleted' }),
  eventOf(`a b/c/${web.volumeConfig}`),
  eventOf(`a/b/c/d/${web.backupConfig('backup-1')}`),
  eventOf(`backupstore/volumes/${web.volumeConfig}`),
  eventOf(volumeKeys('backups').volumeConfig),
  eventOf(volumeKeys('a-b_c.d').backupConfig('volume.cfg')),
]

const left = [
  eventOf(web.block('0'.repeat(64))),
  eventOf(web.lock('lock-1')),
  eventOf(web.badBlocks),
  eventOf(`${web.volumeConfig}.tmp.1234`),
  eventOf(`${web.backupConfig('b1')}.tmp`),
  eventOf(`${web.backupsFolder}backup_x.cfg.tmp.1`),
  eventOf(web.backupsFolder),
  eventOf('volume.cfg'),
  eventOf(`${web.backupsFolder}other_b1.cfg`),
  eventOf(`${web.folder}backup_b1.cfg`),
  eventOf(web.volumeConfig.toUpperCase()),
  eventOf(web.volumeConfig, { bucket: 'nobodys' }),
]

/** Let through, and no more than looked at. */
const needless = [
  eventOf('photos/volume.cfg'),
  eventOf('backupstore/volume.cfg'),
  eventOf('backupstore/backups/backup_x.cfg'),
  eventOf(`old-${web.volumeConfig}`),
  eventOf(`a/my${web.backupConfig('b1')}`),
]

const ofOtherKinds = [
  eventOf(web.volumeConfig, { type: 'Object Tags Added' }),
  eventOf(web.volumeConfig, { source: 'custom.s3' }),
  eventOf(web.backupConfig('b1'), { type: 'Object Deleted', reason: 'Lifecycle Expiration' }),
]

describe("the pattern of S3's events", () => {
  it("takes configs of volumes and backups, and leaves all else, says EventBridge's matcher", async () => {
    const questions = [...taken, ...needless, ...left, ...ofOtherKinds].map((event) => ({ pattern, event }))
    const answers = await askEventRuler([...questions, { pattern: { source: 'aws.s3' }, event: {} }])
    const told = questions.map(({ event }, index) => `${event.detail.object.key} ${answers[index]?.matches}`)
    expect(told).toEqual([
      ...[...taken, ...needless].map(({ detail }) => `${detail.object.key} true`),
      ...[...left, ...ofOtherKinds].map(({ detail }) => `${detail.object.key} false`),
    ])
    expect(answers.slice(0, -1).filter(({ fault }) => fault !== null)).toEqual([])
    expect(answers.at(-1)?.fault).toContain('must be an object or an array')
    expect(answers[0]?.complexity).toBeLessThan(9)
  })

  it('takes whatever the index is made from', () => {
    const read = taken.filter((event) => changedBackupVolumes(event, targets).length > 0)
    expect(read.length).toBeGreaterThan(4)
    for (const event of [...needless, ...left]) expect(changedBackupVolumes(event, targets)).toEqual([])
  })

  it('is within what PutRule takes, of 25 buckets with the longest names', () => {
    const buckets = Array.from({ length: 25 }, (_, index) => `${index}`.padStart(63, 'b'))
    expect(JSON.stringify(objectEventPattern(buckets)).length).toBeLessThanOrEqual(2048)
  })

  it('brings an object that was put, or deleted, from its bucket to a queue, and from there to the index', async () => {
    const moto = await startMoto()
    try {
      const s3 = new S3Client({ ...moto.clientSettings, forcePathStyle: true })
      const [rules, sqs] = [new EventBridgeClient(moto.clientSettings), new SQSClient(moto.clientSettings)]
      for (const Bucket of ['backups', 'nobodys']) {
        await s3.send(new CreateBucketCommand({ Bucket }))
        const NotificationConfiguration = { EventBridgeConfiguration: {} }
        await s3.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }))
      }
      const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'objects' }))
      await rules.send(new PutRuleCommand({ Name: 'objects', EventPattern: JSON.stringify(pattern) }))
      const Targets = [{ Id: 'queue', Arn: `arn:aws:sqs:us-east-1:${motoAccount}:objects` }]
      await rules.send(new PutTargetsCommand({ Rule: 'objects', Targets }))
      const put = (Key: string, Bucket = 'backups') =>
        s3.send(new PutObjectCommand({ Bucket, Key, Body: '{}' }))
      await put(web.block('0'.repeat(64)))
      await put(web.volumeConfig, 'nobodys')
      await put(web.backupConfig('b1'))
      await put(`a b/c/${volumeKeys('db').volumeConfig}`)
      await put(web.lock('lock-1'))
      await s3.send(new DeleteObjectCommand({ Bucket: 'backups', Key: web.backupConfig('b1') }))
      const received = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
      )
      const batch = (received.Messages ?? []).map(({ Body = '', MessageId }) => ({
        messageId: MessageId,
        body: Body,
      }))
      expect(
        batch.map(({ body }) => (JSON.parse(body) as { 'detail-type': string })['detail-type']).toSorted(),
      ).toEqual(['Object Created', 'Object Created', 'Object Deleted'])
      expect(changedBackupVolumes({ Records: batch }, targets)).toEqual([
        expect.objectContaining({ target: 'root', backupVolume: 'web' }),
        expect.objectContaining({ target: 'deep', backupVolume: 'db' }),
      ])
    } finally {
      await moto.stop()
    }
  })
})
