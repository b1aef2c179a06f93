import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonInsertions, mutations } from '#test/mutations.ts'
import { BackupstoreError } from './backupstore-error.ts'
import {
  decodeVolumeConfig,
  encodeVolumeConfig,
  maxVolumeConfigBytes,
  type VolumeConfig,
} from './volume-config.ts'

// longhorn.md A1, A2: made of Longhorn's struct by Go's encoding/json.
const firstWritten = String.raw`{"Name":"pvc-3f1c9a52-5e0b-4a7e-9d6f-0c2b7a1d8e44","Size":"1073741824","Labels":{"longhorn.io/volume-access-mode":"rwo"},"CreatedTime":"2026-08-20T03:00:05Z","LastBackupName":"","LastBackupAt":"","BlockCount":"0","BackingImageName":"\"\"","BackingImageChecksum":"\"\"","CompressionMethod":"\"lz4\"","StorageClassName":"\"longhorn\"","DataEngine":"\"\""}`
const afterTwoBackups = String.raw`{"Name":"pvc-3f1c9a52-5e0b-4a7e-9d6f-0c2b7a1d8e44","Size":"1073741824","Labels":{"KubernetesStatus":"{\"pvName\":\"pvc-3f1c9a52-5e0b-4a7e-9d6f-0c2b7a1d8e44\",\"pvStatus\":\"Bound\",\"namespace\":\"default\",\"pvcName\":\"data-web-0\",\"lastPVCRefAt\":\"\",\"workloadsStatus\":[{\"podName\":\"web-0\",\"podStatus\":\"Running\",\"workloadName\":\"web\",\"workloadType\":\"StatefulSet\"}],\"lastPodRefAt\":\"\"}","RecurringJob":"daily","VolumeRecurringJobInfo":"{\"daily\":{\"jobSpec\":{\"name\":\"daily\",\"groups\":[\"default\"],\"task\":\"backup\",\"cron\":\"0 3 * * *\",\"retain\":7,\"concurrency\":2},\"fromGroup\":[\"default\"],\"fromJob\":false}}","longhorn.io/volume-access-mode":"rwo"},"CreatedTime":"2026-08-20T03:00:05Z","LastBackupName":"backup-5d1f0c7a9be24c63","LastBackupAt":"2026-08-21T03:00:07Z","BlockCount":"4","BackingImageName":"\"\"","BackingImageChecksum":"\"\"","CompressionMethod":"\"lz4\"","StorageClassName":"\"longhorn\"","DataEngine":"\"v1\""}`
const oldest =
  '{"Name":"vol-old","Size":"33554432","CreatedTime":"2026-11-22T15:33:24Z","LastBackupName":"backup-e2c9916caf5045f0","LastBackupAt":"2026-11-22T15:33:25Z","BlockCount":"9"}'

const decode = (json: string) => decodeVolumeConfig(Buffer.from(json), 'v/volume.cfg')
const encode = (config: VolumeConfig) => Buffer.from(encodeVolumeConfig(config)).toString()

describe('volume.cfg', () => {
  it.each([firstWritten, afterTwoBackups])('is written byte for byte as it was read: %#', (json) => {
    expect(encode(decode(json))).toBe(json)
  })

  it('is read into numbers and plain strings', () => {
    expect(decode(afterTwoBackups)).toMatchObject({
      name: 'pvc-3f1c9a52-5e0b-4a7e-9d6f-0c2b7a1d8e44',
      sizeBytes: 1_073_741_824,
      lastBackupName: 'backup-5d1f0c7a9be24c63',
      blockCount: 4,
      backingImageName: '',
      compressionMethod: 'lz4',
      storageClassName: 'longhorn',
      dataEngine: 'v1',
    })
  })

  it('of Longhorn 1.0 lacks what came later', () => {
    expect(decode(oldest)).toEqual({
      name: 'vol-old',
      sizeBytes: 33_554_432,
      labels: null,
      createdAt: '2026-11-22T15:33:24Z',
      lastBackupName: 'backup-e2c9916caf5045f0',
      lastBackupAt: '2026-11-22T15:33:25Z',
      blockCount: 9,
      backingImageName: '',
      backingImageChecksum: '',
      compressionMethod: '',
      storageClassName: '',
      dataEngine: '',
    })
  })

  it('has its later strings encoded twice', () => {
    const config = { ...decode(oldest), backingImageName: 'a<b"c' }
    expect(encode(config)).toContain(String.raw`"BackingImageName":"\"a\\u003cb\\\"c\"",`)
    expect(decode(encode(config))).toEqual(config)
  })

  it('survives writing and reading, whatever is in it', () => {
    const text = fc.string({ unit: 'binary' }).map((raw) => raw.toWellFormed())
    const config: fc.Arbitrary<VolumeConfig> = fc.record({
      name: text,
      sizeBytes: fc.maxSafeInteger().map((size) => Math.abs(size) || 1),
      labels: fc.option(fc.dictionary(text, text, { noNullPrototype: false })),
      createdAt: text,
      lastBackupName: fc.constantFrom('', 'backup-1', 'Z.9_-'),
      lastBackupAt: text,
      blockCount: fc.maxSafeInteger().map((count) => Math.abs(count)),
      backingImageName: text,
      backingImageChecksum: text,
      compressionMethod: text,
      storageClassName: text,
      dataEngine: text,
    })
    fc.assert(
      fc.property(config, (value) => {
        expect(decode(encode(value))).toEqual(value)
      }),
    )
  })

  it.each([
    ['is empty', ''],
    ['is cut short', firstWritten.slice(0, -1)],
    ['Size is 0, not the size of a volume', '{"Name":"vol"}'],
    ['Size is -2097152, not the size of a volume', '{"Size":"-2097152"}'],
    ['Size is a number, not a string', '{"Size":2097152}'],
    ['Size is "", not a whole number of a usable size', '{"Size":""}'],
    ['Size is "9223372036854775807", not a whole number of a usable size', '{"Size":"9223372036854775807"}'],
    [
      'CompressionMethod is "lz4", not a JSON string within a string',
      '{"Size":"1","CompressionMethod":"lz4"}',
    ],
    ['Labels.a is a number, not a string', '{"Size":"1","Labels":{"a":1}}'],
    ['LastBackupName is "../x", not the name of a backup', '{"Size":"1","LastBackupName":"../x"}'],
    ['LastBackupName is "a/b", not the name of a backup', '{"Size":"1","LastBackupName":"a/b"}'],
    ['LastBackupName is "x", not the name of a backup', '{"Size":"1","LastBackupName":"x"}'],
  ])('is refused: %s', (message, json) => {
    expect(() => decode(json)).toThrow(
      expect.objectContaining({ code: 'invalid-config', message: expect.stringContaining(message) }),
    )
    expect(() => decode(json)).toThrow(/^v\/volume\.cfg/)
  })

  it('is refused unread when it is larger than any needs to be', () => {
    const bytes = Buffer.alloc(maxVolumeConfigBytes + 1, ' ')
    expect(() => decodeVolumeConfig(bytes, 'k')).toThrow(
      expect.objectContaining({ code: 'config-too-large' }),
    )
  })

  it('damaged in any way is read, or refused, and nothing else', () => {
    const sources = [firstWritten, afterTwoBackups, oldest].map((json) => Buffer.from(json))
    fc.assert(
      fc.property(mutations(sources, jsonInsertions), (bytes) => {
        try {
          const config = decodeVolumeConfig(bytes, 'k')
          expect(Number.isSafeInteger(config.sizeBytes)).toBe(true)
        } catch (error) {
          if (!(error instanceof BackupstoreError)) throw error
        }
      }),
      { numRuns: 3000 },
    )
  })
})
