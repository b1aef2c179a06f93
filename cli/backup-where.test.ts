import { describe, expect, it } from 'vitest'
import { backupWhere, refuseOptions, requireBackup, requireBackupVolume } from './backup-where.ts'

describe('backupWhere', () => {
  it.each([
    's3://backups@eu-central-1/',
    's3://backups@eu-central-1/?volume=web',
    'file:///mnt/nas/backups/',
    'nfs://server:/export/',
    '/mnt/nas',
    './backups',
    '../backups',
    '.',
    '~/backups',
    'backups?volume=web',
    '',
  ])('takes %j for an address', (text) => {
    expect(backupWhere(text)).toEqual({ kind: 'url' })
  })

  it.each([
    ['nas', { target: 'nas' }],
    ['nas.example', { target: 'nas.example' }],
    ['nas/web', { target: 'nas', backupVolume: 'web' }],
    ['nas/web/backup-1', { target: 'nas', backupVolume: 'web', backup: 'backup-1' }],
    ['nas/web/latest', { target: 'nas', backupVolume: 'web', backup: 'latest' }],
  ])('takes %j for what the catalog knows', (text, reference) => {
    expect(backupWhere(text)).toEqual({ kind: 'reference', ...reference })
  })

  it.each(['nas/', 'nas//one', 'nas/web/', 'nas/web/one/two'])('refuses %j', (text) => {
    expect(() => backupWhere(text)).toThrow('names no backup')
  })
})

describe('references', () => {
  it('name a backup, or a backup volume, as is needed', () => {
    const backup = { target: 'nas', backupVolume: 'web', backup: 'one' }
    expect(requireBackup('nas/web/one', backup)).toEqual(backup)
    expect(() => requireBackup('nas/web', { target: 'nas', backupVolume: 'web' })).toThrow('no single backup')
    expect(requireBackupVolume('nas/web', { target: 'nas', backupVolume: 'web' })).toEqual({
      target: 'nas',
      backupVolume: 'web',
    })
    expect(() => requireBackupVolume('nas/web/one', backup)).toThrow('no whole backup volume')
    expect(() => requireBackupVolume('nas', { target: 'nas' })).toThrow('no whole backup volume')
  })

  it('leave no option unread', () => {
    expect(() => refuseOptions({ lockWait: 1 }, ['to', 'lockWait'], 'the service')).toThrow(
      "option '--lock-wait' is not for the service",
    )
    expect(() => refuseOptions({ name: 'one' }, ['to'], 'the service')).not.toThrow()
  })
})
