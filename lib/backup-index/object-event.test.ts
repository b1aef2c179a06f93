import { describe, expect, it } from 'vitest'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import type { Target } from '#lib/catalog/entities.ts'
import { backupCommittedEvent, changedBackupVolumes } from './object-event.ts'

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
  targetAt('other', 's3://others@us-east-1/'),
  targetAt('folder', 'file:///backups/'),
  targetAt('broken', 's4://backups/'),
]

const web = volumeKeys('web')
const eventBridge = (key: string, bucket = 'backups', type = 'Object Created') => ({
  version: '0',
  source: 'aws.s3',
  'detail-type': type,
  detail: { bucket: { name: bucket }, object: { key, size: 5 }, reason: 'PutObject' },
})
const notification = (...keys: string[]) => ({
  Records: keys.map((key) => ({
    eventSource: 'aws:s3',
    s3: { bucket: { name: 'backups' }, object: { key, size: 5 } },
  })),
})
/** As MinIO posts it. */
const minioWebhook = (key: string) => ({
  EventName: 's3:ObjectCreated:Put',
  Key: `backups/${key}`,
  ...notification(encodeURIComponent(key)),
})
const sqs = (...bodies: unknown[]) => ({
  Records: bodies.map((body, index) => ({ messageId: `m-${index}`, body: JSON.stringify(body) })),
})
const changed = (event: unknown) => changedBackupVolumes(event, targets)
const inRoot = [{ target: 'root', backupVolume: 'web', backups: [] }]
const backupInRoot = [{ target: 'root', backupVolume: 'web', backups: ['b1'] }]
const inDeep = [{ target: 'deep', backupVolume: 'web', backups: [] }]

describe('an object event', () => {
  it.each([
    ["EventBridge's", eventBridge(web.volumeConfig), inRoot],
    [
      "EventBridge's of a deletion",
      eventBridge(web.backupConfig('b1'), 'backups', 'Object Deleted'),
      backupInRoot,
    ],
    ["EventBridge's, with its key as it is", eventBridge(`a b/c/${web.volumeConfig}`), inDeep],
    ["EventBridge's, with a key that only looks encoded", eventBridge(`a+b/c/${web.volumeConfig}`), []],
    ["S3's notification", notification(web.backupConfig('b1')), backupInRoot],
    ["S3's notification, with its key encoded", notification(`a+b/c/${web.volumeConfig}`), inDeep],
    ["MinIO's webhook", minioWebhook(`a b/c/${web.volumeConfig}`), inDeep],
    ["S3's first message", { Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'backups' }, []],
    [
      'ours',
      backupCommittedEvent({ target: 'folder', backupVolume: 'db' }),
      [{ target: 'folder', backupVolume: 'db' }],
    ],
    [
      'ours, with what it is about',
      backupCommittedEvent({ target: 'folder', backupVolume: 'db', backups: ['b1', '../x'] }),
      [{ target: 'folder', backupVolume: 'db', backups: ['b1'] }],
    ],
    ['ours of a target that is gone', backupCommittedEvent({ target: 'gone', backupVolume: 'db' }), []],
    ['ours of no name', backupCommittedEvent({ target: 'folder', backupVolume: '../x' }), []],
    ['of another bucket', eventBridge(web.volumeConfig, 'nobodys'), []],
    ['of a block', eventBridge(web.block('0'.repeat(64))), []],
    ['of a lock', eventBridge(web.lock('lock-1')), []],
    ['of what is no backupstore', eventBridge('photos/cat.jpg'), []],
    ['of nothing', { Records: [] }, []],
  ])('%s is understood', (_, event, expected) => {
    expect(changed(event)).toEqual(expected)
    expect(changed(sqs(event))).toEqual(expected)
  })

  it('names each backup volume once, of all that a batch is about', () => {
    const key = volumeKeys('db').volumeConfig
    const event = sqs(
      eventBridge(web.volumeConfig),
      notification(web.backupConfig('b1'), key, `a+b/c/${key}`),
      backupCommittedEvent({ target: 'root', backupVolume: 'web' }),
    )
    expect(changed(event)).toEqual([
      { target: 'root', backupVolume: 'web' },
      { target: 'root', backupVolume: 'db', backups: [] },
      { target: 'deep', backupVolume: 'db', backups: [] },
    ])
    const two = sqs(
      eventBridge(web.backupConfig('b1')),
      notification(web.backupConfig('b2'), web.volumeConfig),
    )
    expect(changed(two)).toEqual([{ target: 'root', backupVolume: 'web', backups: ['b1', 'b2'] }])
  })

  it.each([
    ['a text', 'no event'],
    ['nothing', undefined],
    ['no records', {}],
    ['records of another kind', { Records: [{ dynamodb: {} }] }],
    ['another source', { ...eventBridge(web.volumeConfig), source: 'aws.ec2' }],
    ['a key that cannot be decoded', notification('%E0%A4%A')],
    ['a batch with a body that is no JSON', { Records: [{ messageId: 'm', body: 'no JSON' }] }],
    ['a batch with one of them', sqs(eventBridge(web.volumeConfig), { hello: 'world' })],
  ])('that is %s is refused', (_, event) => {
    expect(() => changed(event)).toThrow(expect.objectContaining({ code: 'unreadable-event' }))
  })
})
