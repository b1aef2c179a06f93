import { describe, expect, it } from 'vitest'
import {
  parseBackupLocation,
  parseTargetLocation,
  parseVolumeLocation,
  parseWholeVolume,
  urlOf,
} from './location.ts'

const target = { kind: 'folder', path: '/mnt/nas' } as const

describe('location', () => {
  it('reads a backup, a volume, a target', () => {
    expect(parseBackupLocation('file:///mnt/nas/?backup=b1&volume=v1')).toEqual({
      target,
      volumeName: 'v1',
      backupName: 'b1',
    })
    expect(parseWholeVolume('/mnt/nas?volume=v1')).toEqual({ target, volumeName: 'v1' })
    expect(parseTargetLocation('/mnt/nas')).toEqual({ target })
    expect(parseTargetLocation('/mnt/nas?volume=v1')).toEqual({ target, volumeName: 'v1' })
  })

  it('reads what it writes', () => {
    const location = { target, volumeName: 'v1', backupName: 'b1' }
    expect(parseVolumeLocation(urlOf(location))).toEqual(location)
  })

  it('reads the escaped ampersand of the URLs that Longhorn prints', () => {
    expect(parseBackupLocation('file:///mnt/nas/?backup=b1\\u0026volume=v1')).toMatchObject({
      volumeName: 'v1',
      backupName: 'b1',
    })
  })

  it('tells of missing quotes where a shell has cut the URL', () => {
    expect(() => parseBackupLocation('file:///mnt/nas/?backup=b1')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('quotes') }),
    )
  })

  it('refuses a volume where a backup is needed, and the other way round', () => {
    expect(() => parseBackupLocation('/mnt/nas?volume=v1')).toThrow('none of its backups')
    expect(() => parseWholeVolume('/mnt/nas?backup=b1&volume=v1')).toThrow('for a whole volume')
    expect(() => parseTargetLocation('/mnt/nas?backup=b1&volume=v1')).toThrow('for a whole volume')
  })
})
