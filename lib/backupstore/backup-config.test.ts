import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inChunks } from '#test/chunks.ts'
import { jsonInsertions, mutations } from '#test/mutations.ts'
import {
  blockSizeOf,
  decodeBackupConfig,
  decodeBackupHeader,
  encodeBackupConfig,
  inProgressConfig,
  type BackupConfig,
} from './backup-config.ts'
import { BackupstoreError } from './backupstore-error.ts'
import { blockListBuilder, checksumAt } from './block-list.ts'

// longhorn.md A3 to A7: made of Longhorn's struct by Go's encoding/json.
const inProgress =
  '{"Name":"backup-5d1f0c7a9be24c63","VolumeName":"pvc-3f1c9a52-5e0b-4a7e-9d6f-0c2b7a1d8e44","SnapshotName":"","SnapshotCreatedAt":"","CreatedTime":"","Size":"0","Labels":null,"Parameters":null,"IsIncremental":false,"CompressionMethod":"lz4","NewlyUploadedDataSize":"0","ReUploadedDataSize":"0","ProcessingBlocks":null,"SingleFile":{"FilePath":""}}'
const full =
  '{"Name":"backup-0a9c44e2d7b84f10","VolumeName":"pvc-3f1c9a52-5e0b-4a7e-9d6f-0c2b7a1d8e44","SnapshotName":"daily-c-6f0b9d0e-8a53-4d53-a6a1-3f3f6d8a1c22","SnapshotCreatedAt":"2026-08-20T03:00:05Z","CreatedTime":"2026-08-20T03:00:19Z","Size":"6291456","Labels":{"RecurringJob":"daily","longhorn.io/volume-access-mode":"rwo"},"Parameters":{"backup-block-size":"2097152","backup-mode":"incremental"},"IsIncremental":false,"CompressionMethod":"lz4","NewlyUploadedDataSize":"24795","ReUploadedDataSize":"0","ProcessingBlocks":{},"Blocks":[{"Offset":0,"BlockChecksum":"417e836e280aef701556b6135ca4b690819f82b4cf82ead3b493b5bbc41174b9"},{"Offset":2097152,"BlockChecksum":"731859029215873fdac1c9f2f8bd25a334abf0f3a9e1b057cf2cacc2826d86b0"},{"Offset":8388608,"BlockChecksum":"0aeb8bd6f848c9c4909d3ff98a4e3f015ef1995021b7a8d486d4cde63e52ced9"}],"SingleFile":{"FilePath":""}}'
const incremental = String.raw`{"Name":"backup-5d1f0c7a9be24c63","VolumeName":"pvc-3f1c9a52-5e0b-4a7e-9d6f-0c2b7a1d8e44","SnapshotName":"daily-c-0e2f7a61-0c0b-49f8-9f0e-5a1f8f2a7b90","SnapshotCreatedAt":"2026-08-21T03:00:07Z","CreatedTime":"2026-08-21T03:00:12Z","Size":"8388608","Labels":{"KubernetesStatus":"{\"pvName\":\"pvc-3f1c9a52-5e0b-4a7e-9d6f-0c2b7a1d8e44\",\"pvStatus\":\"Bound\",\"namespace\":\"default\",\"pvcName\":\"data-web-0\",\"lastPVCRefAt\":\"\",\"workloadsStatus\":[{\"podName\":\"web-0\",\"podStatus\":\"Running\",\"workloadName\":\"web\",\"workloadType\":\"StatefulSet\"}],\"lastPodRefAt\":\"\"}","RecurringJob":"daily","VolumeRecurringJobInfo":"{\"daily\":{\"jobSpec\":{\"name\":\"daily\",\"groups\":[\"default\"],\"task\":\"backup\",\"cron\":\"0 3 * * *\",\"retain\":7,\"concurrency\":2},\"fromGroup\":[\"default\"],\"fromJob\":false}}","longhorn.io/volume-access-mode":"rwo"},"Parameters":{"backup-block-size":"2097152","backup-mode":"incremental"},"IsIncremental":true,"CompressionMethod":"lz4","NewlyUploadedDataSize":"8265","ReUploadedDataSize":"0","ProcessingBlocks":null,"Blocks":[{"Offset":0,"BlockChecksum":"417e836e280aef701556b6135ca4b690819f82b4cf82ead3b493b5bbc41174b9"},{"Offset":2097152,"BlockChecksum":"ea2b6876cbb92b5c2ada1452044be47e3b2411b3aac2a407b60ab186e6a1bf24"},{"Offset":8388608,"BlockChecksum":"0aeb8bd6f848c9c4909d3ff98a4e3f015ef1995021b7a8d486d4cde63e52ced9"},{"Offset":1071644672,"BlockChecksum":"417e836e280aef701556b6135ca4b690819f82b4cf82ead3b493b5bbc41174b9"}],"SingleFile":{"FilePath":""}}`
const largeBlocks = String.raw`{"Name":"backup-77aa00bb11cc22dd","VolumeName":"vol1","SnapshotName":"snap-00112233aabbccdd","SnapshotCreatedAt":"2026-08-21T10:00:00Z","CreatedTime":"2026-08-21T10:00:31Z","Size":"16777216","Labels":{"app":"a\u003cb\u0026c","longhorn.io/volume-access-mode":"rwx"},"Parameters":{"backup-block-size":"16777216","backup-mode":"full"},"IsIncremental":false,"CompressionMethod":"gzip","NewlyUploadedDataSize":"0","ReUploadedDataSize":"16321","ProcessingBlocks":{},"Blocks":[{"Offset":0,"BlockChecksum":"9529020bc23f067540869550f5637d964569b70f9dd63c168f744ed9864a3b48"}],"SingleFile":{"FilePath":""}}`
const legacy =
  '{"Name":"backup-1f2e3d4c5b6a7980","VolumeName":"vol1","SnapshotName":"d3b07384-d9a0-4f1c-8b1a-1a2b3c4d5e6f","SnapshotCreatedAt":"2021-02-01T00:00:03Z","CreatedTime":"2021-02-01T00:00:09Z","Size":"2097152","Labels":{"RecurringJob":"backup"},"IsIncremental":false,"Blocks":[{"Offset":0,"BlockChecksum":"417e836e280aef701556b6135ca4b690819f82b4cf82ead3b493b5bbc41174b9"}],"SingleFile":{"FilePath":""}}'

const checksum = '417e836e280aef701556b6135ca4b690819f82b4cf82ead3b493b5bbc41174b9'
const other = '731859029215873fdac1c9f2f8bd25a334abf0f3a9e1b057cf2cacc2826d86b0'

const decode = (json: string) => decodeBackupConfig(inChunks(Buffer.from(json)), 'b/backup.cfg')
const encode = (config: BackupConfig) => Buffer.concat([...encodeBackupConfig(config).open()]).toString()
const withBlocks = (blocks: string, parameters = 'null') =>
  `{"Parameters":${parameters},"Blocks":[${blocks}]}`
const block = (offset: number | string, sum = checksum) => `{"Offset":${offset},"BlockChecksum":"${sum}"}`
const refusal = (code: string, message: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(message) })

describe('backup_*.cfg', () => {
  it.each([inProgress, full, incremental, largeBlocks])(
    'is written byte for byte as it was read: %#',
    async (json) => {
      const config = await decode(json)
      expect(encode(config)).toBe(json)
      expect(encodeBackupConfig(config).sizeBytes).toBe(Buffer.byteLength(json))
    },
  )

  it('has its blocks by index', async () => {
    const { blocks, sizeBytes, labels } = await decode(incremental)
    expect([...blocks.indexes]).toEqual([0, 1, 4, 511])
    expect(blocks.blockSizeBytes).toBe(2_097_152)
    expect(checksumAt(blocks, 2)).toBe('0aeb8bd6f848c9c4909d3ff98a4e3f015ef1995021b7a8d486d4cde63e52ced9')
    expect(sizeBytes).toBe(8_388_608)
    expect(labels?.['RecurringJob']).toBe('daily')
  })

  it('of Longhorn 1.1 lacks what came later', async () => {
    const { blocks, ...header } = await decode(legacy)
    expect([...blocks.indexes]).toEqual([0])
    expect(header).toEqual({
      name: 'backup-1f2e3d4c5b6a7980',
      volumeName: 'vol1',
      snapshotName: 'd3b07384-d9a0-4f1c-8b1a-1a2b3c4d5e6f',
      snapshotCreatedAt: '2021-02-01T00:00:03Z',
      createdAt: '2021-02-01T00:00:09Z',
      sizeBytes: 2_097_152,
      labels: { RecurringJob: 'backup' },
      parameters: null,
      isIncremental: false,
      compressionMethod: '',
      newlyUploadedBytes: 0,
      reUploadedBytes: 0,
      hasProcessingBlocks: false,
      singleFilePath: '',
    })
  })

  it('in progress is a name and a method', async () => {
    const { name, volumeName, compressionMethod } = await decode(inProgress)
    expect(encode(inProgressConfig({ name, volumeName, compressionMethod }))).toBe(inProgress)
    const labelled = inProgressConfig({ name, volumeName, compressionMethod, labels: { a: 'b' } })
    expect(encode(labelled)).toBe(inProgress.replace('"Labels":null', '"Labels":{"a":"b"}'))
  })

  it('survives writing and reading, whatever is in it and however the bytes come', async () => {
    const text = fc.string({ unit: 'binary' }).map((raw) => raw.toWellFormed())
    const amount = fc.maxSafeInteger().map((size) => Math.abs(size))
    const labels = fc.dictionary(text, text, { noNullPrototype: false })
    const header = fc.record({
      name: text,
      volumeName: text,
      snapshotName: text,
      snapshotCreatedAt: text,
      createdAt: text,
      sizeBytes: amount,
      labels: fc.option(labels),
      isIncremental: fc.boolean(),
      compressionMethod: text,
      newlyUploadedBytes: amount,
      reUploadedBytes: amount,
      hasProcessingBlocks: fc.boolean(),
      singleFilePath: text,
    })
    const hash = fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((bytes) => Buffer.from(bytes).toString('hex'))
    const index = fc.oneof(fc.nat(10_000), fc.nat({ max: 2 ** 29 - 1 }))
    const blocks = fc.uniqueArray(fc.tuple(index, hash), { selector: ([at]) => at, maxLength: 50 })
    const size = fc.constantFrom(2_097_152, 16_777_216)
    await fc.assert(
      fc.asyncProperty(
        header,
        blocks,
        size,
        fc.integer({ min: 1, max: 100 }),
        async (fields, entries, blockSizeBytes, chunkBytes) => {
          const builder = blockListBuilder(blockSizeBytes, 1)
          for (const [at, sum] of entries) builder.set(at, sum)
          const config = {
            ...fields,
            parameters: { 'backup-block-size': String(blockSizeBytes) },
            blocks: builder.build(),
          }
          const encoded = Buffer.from(encode(config))
          expect(encoded.length).toBe(encodeBackupConfig(config).sizeBytes)
          expect(await decodeBackupConfig(inChunks(encoded, chunkBytes), 'k')).toEqual(config)
        },
      ),
    )
  })

  it('is read in any order of fields and of blocks', async () => {
    const { blocks } = await decode(
      `{"Blocks":[${block(16_777_216, other)},${block(0)}],"Parameters":{"backup-block-size":"16Mi"}}`,
    )
    expect([...blocks.indexes]).toEqual([0, 1])
    expect(blocks.blockSizeBytes).toBe(16_777_216)
    expect(checksumAt(blocks, 1)).toBe(other)
  })

  it('counts only the last of two lists of blocks', async () => {
    const { blocks } = await decode(`{"Blocks":[${block(0)}],"Blocks":[${block(2_097_152, other)}]}`)
    expect([...blocks.indexes]).toEqual([1])
    const none = await decode(`{"Blocks":[${block(0)}],"Blocks":null}`)
    expect(none.blocks.count).toBe(0)
  })

  it.each([
    ['is empty', ''],
    ['Blocks[1].BlockChecksum a string is cut short', full.slice(0, 700)],
    [
      'Blocks[0] has the BlockChecksum "../../../../../etc/passwd", no 64 hex digits',
      withBlocks(block(0, '../../../../../etc/passwd')),
    ],
    ['no 64 hex digits', withBlocks(block(0, checksum.toUpperCase()))],
    ['no 64 hex digits', withBlocks(block(0, `${checksum}0`))],
    ['Blocks[0] has the BlockChecksum "", no 64 hex digits', withBlocks('{"Offset":0}')],
    ['Blocks[0] has the BlockChecksum "", no 64 hex digits', withBlocks('null')],
    [
      'Blocks[1] has the Offset -2097152, no multiple of 2097152',
      withBlocks(`${block(0)},${block(-2_097_152)}`),
    ],
    ['Blocks[0] has the Offset 4096, no multiple of 2097152', withBlocks(block(4096))],
    ['Blocks[0].Offset is "2097152.0", not a whole number of a usable size', withBlocks(block('2097152.0'))],
    ['Blocks[0].Offset is a string, not a number', withBlocks(block('"0"'))],
    [
      'Blocks[0].Offset is "9007199254740992", not a whole number of a usable size',
      withBlocks(block('9007199254740992')),
    ],
    [
      'Blocks has the offset 4194304 twice',
      withBlocks(`${block(4_194_304)},${block(0)},${block(4_194_304)}`),
    ],
    [
      'Blocks has the offset 2097152, no multiple of the block size 16777216',
      withBlocks(block(2_097_152), '{"backup-block-size":"16777216"}'),
    ],
    ['Parameters.backup-block-size is "lots", no quantity', withBlocks('', '{"backup-block-size":"lots"}')],
    ['Size is a number, not a string', '{"Size":6291456}'],
    ['Labels is a list, not an object', '{"Labels":["a"]}'],
  ])('is refused: %s', async (message, json) => {
    await expect(decode(json)).rejects.toThrow(refusal('invalid-config', message))
    await expect(decode(json)).rejects.toThrow(/^b\/backup\.cfg/)
  })

  it('of another block size is refused as unsupported', async () => {
    await expect(decode(withBlocks(block(0), '{"backup-block-size":"4Mi"}'))).rejects.toThrow(
      refusal('unsupported', 'b/backup.cfg has the block size "4Mi"'),
    )
  })

  it('passes on what the store says went wrong', async () => {
    await expect(decodeBackupConfig(failing(), 'k')).rejects.toThrow('the store is gone')
  })

  it('is not read on when it is longer than any', async () => {
    let given = 0
    async function* endless() {
      yield Buffer.from('{"x":[')
      const piece = Buffer.alloc(64 * 1024 * 1024, ' ')
      for (;;) {
        given += piece.length
        yield piece
      }
    }
    // Blanks are the cheapest to read: 1.6 GB of them.
    await expect(decodeBackupConfig(endless(), 'k')).rejects.toThrow(
      refusal('config-too-large', 'k has more than 1600000000 bytes'),
    )
    expect(given).toBeLessThan(1.7e9)
  })

  it('is not written with blocks of another size than its parameters say', async () => {
    const config = await decode(full)
    expect(() => encodeBackupConfig({ ...config, parameters: { 'backup-block-size': '16777216' } })).toThrow(
      'its parameters say otherwise',
    )
  })

  it('damaged in any way is read, or refused, and nothing else', async () => {
    const sources = [inProgress, full, incremental, largeBlocks, legacy].map((json) => Buffer.from(json))
    await fc.assert(
      fc.asyncProperty(
        mutations(sources, [...jsonInsertions, block(2_097_152)]),
        fc.integer({ min: 1, max: 2000 }),
        async (bytes, chunkBytes) => {
          const header = await attempt(() =>
            decodeBackupHeader(inChunks(bytes, chunkBytes), 'k', { isWhole: true }),
          )
          const config = await attempt(() => decodeBackupConfig(inChunks(bytes, chunkBytes), 'k'))
          if (!config) return
          expect(header?.name).toBe(config.name)
          expect(config.blocks.indexes.length).toBe(config.blocks.count)
          expect(await decode(encode(config))).toEqual(config)
        },
      ),
      { numRuns: 3000 },
    )
  })
})

async function* failing() {
  yield Buffer.from('{"Name":')
  throw new Error('the store is gone')
}

const attempt = async <T>(action: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await action()
  } catch (error) {
    if (error instanceof BackupstoreError) return undefined
    throw error
  }
}

describe('the header of a backup_*.cfg', () => {
  it.each([inProgress, full, incremental, largeBlocks, legacy])('is that of the whole: %#', async (json) => {
    const { blocks: _, ...header } = await decode(json)
    expect(await decodeBackupHeader(inChunks(Buffer.from(json)), 'k', { isWhole: true })).toEqual(header)
  })

  it('needs nothing from Blocks on, and reads no further', async () => {
    const start = full.slice(0, full.indexOf('[{') + 1)
    let isEnded = false
    async function* chunks() {
      yield Buffer.from(start)
      isEnded = true
    }
    const header = await decodeBackupHeader(chunks(), 'k', { isWhole: false })
    expect(header).toMatchObject({
      name: 'backup-0a9c44e2d7b84f10',
      compressionMethod: 'lz4',
      hasProcessingBlocks: true,
    })
    expect(isEnded).toBe(false)
  })

  it('is undefined for every part that ends too early, and found in every longer one', async () => {
    const enough = full.indexOf('[{') + 1
    for (let length = 0; length <= full.length; length++) {
      const header = await decodeBackupHeader(inChunks(Buffer.from(full.slice(0, length))), 'k', {
        isWhole: false,
      })
      expect(header === undefined).toBe(length < enough)
    }
  })

  it('is refused when the whole is cut', async () => {
    const cut = inChunks(Buffer.from(full.slice(0, 100)))
    await expect(decodeBackupHeader(cut, 'k', { isWhole: true })).rejects.toThrow(
      refusal('invalid-config', 'cut short'),
    )
    await expect(decodeBackupHeader(inChunks(Buffer.alloc(0)), 'k', { isWhole: true })).rejects.toThrow(
      refusal('invalid-config', 'k is empty'),
    )
  })

  it('is found behind Blocks where somebody sorted the fields', async () => {
    const fields: Record<string, unknown> = JSON.parse(full)
    const sorted = JSON.stringify(
      Object.fromEntries(Object.entries(fields).toSorted(([a], [b]) => (a < b ? -1 : 1))),
    )
    expect(sorted.startsWith('{"Blocks"')).toBe(true)
    expect(await decodeBackupHeader(inChunks(Buffer.from(sorted)), 'k', { isWhole: true })).toMatchObject({
      name: 'backup-0a9c44e2d7b84f10',
      parameters: { 'backup-mode': 'incremental' },
    })
    expect(
      await decodeBackupHeader(inChunks(Buffer.from(sorted.slice(0, 200))), 'k', { isWhole: false }),
    ).toBeUndefined()
  })
})

describe('blockSizeOf', () => {
  it.each([
    null,
    {},
    { 'backup-mode': 'full' },
    { 'backup-block-size': '' },
    { 'backup-block-size': '0' },
    { 'backup-block-size': '0Mi' },
  ])('%j is 2 MiB', (parameters) => {
    expect(blockSizeOf(parameters)).toBe(2_097_152)
  })

  it.each([
    ['2097152', 2_097_152],
    ['2Mi', 2_097_152],
    ['2048Ki', 2_097_152],
    ['16777216', 16_777_216],
    ['16Mi', 16_777_216],
  ])('%s is %d', (text, bytes) => {
    expect(blockSizeOf({ 'backup-block-size': text })).toBe(bytes)
  })

  it.each(['1', '16', '4Mi', '2M', '-2Mi', '1e999', '9'.repeat(50)])('%s is unsupported', (text) => {
    expect(() => blockSizeOf({ 'backup-block-size': text }, 'k')).toThrow(
      refusal('unsupported', 'k has the block size'),
    )
  })

  it.each([' ', '2 Mi', 'x', '2MiB', '../'])('%j is invalid', (text) => {
    expect(() => blockSizeOf({ 'backup-block-size': text }, 'k')).toThrow(
      refusal('invalid-config', 'k: Parameters.backup-block-size'),
    )
  })
})
