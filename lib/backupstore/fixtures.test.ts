/** Every config and every block of the stores that Longhorn's own library wrote. */
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { inChunks } from '#test/chunks.ts'
import { longhornFixtures, missingFixtures } from '#test/longhorn-fixtures.ts'
import { blockSizeOf, decodeBackupConfig, decodeBackupHeader, encodeBackupConfig } from './backup-config.ts'
import { checksumAt } from './block-list.ts'
import { compressionMethodOf, maxStoredBlockBytes, openBlock } from './block.ts'
import { backupNameOf, blockChecksumOf, volumeKeys } from './keys.ts'
import { decodeVolumeConfig, encodeVolumeConfig } from './volume-config.ts'

const missing = missingFixtures()
if (missing !== undefined) console.warn(`skipped: ${missing}`)

describe.skipIf(missing !== undefined).each(longhornFixtures())('the store $name', (fixture) => {
  const { manifest } = fixture
  const keys = volumeKeys(manifest.volume)
  const read = (key: string) => readFileSync(join(fixture.folder, key))
  const keysBelow = (prefix: string) => globSync(`${prefix}**/*.{cfg,blk}`, { cwd: fixture.folder })
  const backups = () =>
    Promise.all(
      keysBelow(keys.backupsFolder).map(async (key) => ({
        key,
        config: await decodeBackupConfig(inChunks(read(key)), key),
      })),
    )

  it('has a volume.cfg that we read', () => {
    const config = decodeVolumeConfig(read(keys.volumeConfig), keys.volumeConfig)
    expect(config.name).toBe(manifest.volume)
    expect(config.lastBackupName).toBe(manifest.backups.at(-1)?.backup)
    expect(config.sizeBytes).toBe(manifest.backups.at(-1)?.size)
    expect(config.blockCount).toBe(keysBelow(keys.blocksFolder).length)
    expect(decodeVolumeConfig(encodeVolumeConfig(config), 'ours')).toEqual(config)
  })

  it('has backups that we read', async () => {
    const all = await backups()
    expect(all.map(({ config }) => config.name).toSorted()).toEqual(
      manifest.backups.map(({ backup }) => backup).toSorted(),
    )
    for (const { key, config } of all) {
      expect(backupNameOf(keys, key)).toBe(config.name)
      expect(config.volumeName).toBe(manifest.volume)
      expect(config.sizeBytes).toBe(config.blocks.count * config.blocks.blockSizeBytes)
      expect(config.blocks.blockSizeBytes).toBe(fixture.name.includes('16MiB') ? 16_777_216 : 2_097_152)
      const encoded = encodeBackupConfig(config)
      const bytes = Buffer.concat([...encoded.open()])
      expect(bytes.length).toBe(encoded.sizeBytes)
      expect(await decodeBackupConfig(inChunks(bytes), 'ours')).toEqual(config)
    }
  })

  it('has configs that we write as they are, if it is of today', async () => {
    if (manifest.longhorn !== '1.12.1') return
    const volume = read(keys.volumeConfig)
    expect(Buffer.from(encodeVolumeConfig(decodeVolumeConfig(volume, 'volume.cfg'))).toString()).toBe(
      volume.toString(),
    )
    for (const { key, config } of await backups()) {
      expect(Buffer.concat([...encodeBackupConfig(config).open()]).toString()).toBe(read(key).toString())
    }
  })

  it('has headers that end before the blocks', async () => {
    for (const { key, config } of await backups()) {
      const { blocks: _, ...header } = config
      const text = read(key).toString()
      const start = Buffer.from(text.slice(0, text.indexOf('"Blocks":[') + 10))
      expect(await decodeBackupHeader(inChunks(start), key, { isWhole: false })).toEqual(header)
    }
  })

  it('has blocks that are what their names say, all that the backups need and no other', async () => {
    const needed = new Set<string>()
    for (const { key, config } of await backups()) {
      const method = compressionMethodOf(config.compressionMethod, key)
      const blockSizeBytes = blockSizeOf(config.parameters, key)
      for (let position = 0; position < config.blocks.count; position++) {
        const checksum = checksumAt(config.blocks, position)
        const blockKey = keys.block(checksum)
        if (needed.has(blockKey)) continue
        needed.add(blockKey)
        const bytes = read(blockKey)
        expect(bytes.length).toBeLessThanOrEqual(maxStoredBlockBytes(blockSizeBytes))
        expect(openBlock({ bytes, method, blockSizeBytes, checksum, key: blockKey }).length).toBe(
          blockSizeBytes,
        )
        expect(blockChecksumOf(keys, blockKey)).toBe(checksum)
      }
    }
    expect(
      keysBelow(keys.blocksFolder)
        .map((key) => basename(key))
        .toSorted(),
    ).toEqual([...needed].map((key) => basename(key)).toSorted())
  })
})
