import { describe, expect, it } from 'vitest'
import { backupNameOf, blockChecksumOf, isTemporary, lockNameOf, volumeKeys, configNameOf } from './keys.ts'

const checksum = '417e836e280aef701556b6135ca4b690819f82b4cf82ead3b493b5bbc41174b9'

describe('volumeKeys', () => {
  // longhorn.md, appendix B.
  it.each([
    ['vol1', 'backupstore/volumes/01/9c/vol1/'],
    ['pvc-1', 'backupstore/volumes/7e/ed/pvc-1/'],
    ['BACKINGIMAGE', 'backupstore/volumes/22/fc/BACKINGIMAGE/'],
    [
      'pvc-3f1c9a52-5e0b-4a7e-9d6f-0c2b7a1d8e44',
      'backupstore/volumes/4c/bd/pvc-3f1c9a52-5e0b-4a7e-9d6f-0c2b7a1d8e44/',
    ],
  ])('puts %s into %s', (name, folder) => {
    expect(volumeKeys(name).folder).toBe(folder)
  })

  it.each(['', 'a', '.', '..', '../x', 'a/b', '.hidden', 'a b', 'é1', 'a\0', 'a'.repeat(201)])(
    'refuses the name %j',
    (name) => {
      expect(() => volumeKeys(name)).toThrow(expect.objectContaining({ code: 'invalid-name' }))
    },
  )

  it('takes keys apart that it put together, and no other', () => {
    const keys = volumeKeys('vol1')
    expect(backupNameOf(keys, keys.backupConfig('backup-1'))).toBe('backup-1')
    expect(lockNameOf(keys, keys.lock('lock-1'))).toBe('lock-1')
    expect(blockChecksumOf(keys, keys.block(checksum))).toBe(checksum)
    expect(backupNameOf(keys, `${keys.backupConfig('backup-1')}.tmp.1755658805000000000`)).toBeUndefined()
    expect(backupNameOf(keys, `${keys.backupsFolder}backup_x/../y.cfg`)).toBeUndefined()
    expect(backupNameOf(keys, volumeKeys('pvc-1').backupConfig('backup-1'))).toBeUndefined()
    expect(blockChecksumOf(keys, keys.block(checksum).replace('/41/7e/', '/7e/41/'))).toBeUndefined()
    expect(blockChecksumOf(keys, `${keys.block(checksum)}.tmp.1`)).toBeUndefined()
    expect(isTemporary(`${keys.volumeConfig}.tmp.1755658805000000000`)).toBe(true)
    expect(isTemporary(keys.volumeConfig)).toBe(false)
  })

  it('tells whose config a key is, and takes no other key for one', () => {
    const keys = volumeKeys('vol1')
    expect(configNameOf(keys.volumeConfig)).toEqual({ volume: 'vol1', backup: undefined })
    expect(configNameOf(keys.backupConfig('backup-1'))).toEqual({ volume: 'vol1', backup: 'backup-1' })
    const others = [
      keys.lock('lock-1'),
      keys.block(checksum),
      keys.badBlocks,
      keys.folder,
      keys.backupsFolder,
      `${keys.volumeConfig}.tmp.1`,
      keys.volumeConfig.replace('/01/9c/', '/9c/01/'),
      `x${keys.volumeConfig}`,
      'backupstore/backing-images/01/9c/vol1/backing_image.cfg',
      'volume.cfg',
      '',
    ]
    expect(others.map(configNameOf)).toEqual(others.map(() => undefined))
  })
})
