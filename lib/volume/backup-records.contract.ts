/**
 * @module backup-records.contract: what the next backup may start from, in every pool alike.
 */
import { describe, expect, it } from 'vitest'
import { MiB } from '#lib/base/sizes.ts'
import type { MadeBackup } from './backup-records.ts'
import type { TestPools } from './pool-fixture.contract.ts'

const place = { target: 's3://bucket@region/', backupVolume: 'data' }

export const backupRecordsContract = (pools: TestPools): void => {
  const withSnapshot = async () => {
    const pool = await pools.open()
    await pool.createVolume({ name: 'data', sizeBytes: 10 * MiB })
    const { id: snapshotId } = await pool.createSnapshot('data', { name: 'one' })
    const made: MadeBackup = { ...place, backupName: 'backup-1', backupCreatedAt: '2026-01-01', snapshotId }
    return { pool, made }
  }

  describe('records of backups', () => {
    it('knows no base before a backup was recorded', async () => {
      const { pool } = await withSnapshot()
      expect(pool.backupBase('data', place)).toBeUndefined()
    })

    it('remembers the backup and its snapshot when it is opened again', async () => {
      const { pool, made } = await withSnapshot()
      await pool.recordBackup('data', made)
      const expected = { backupName: 'backup-1', backupCreatedAt: '2026-01-01', snapshot: { name: 'one' } }
      expect(pool.backupBase('data', place)).toMatchObject(expected)
      expect((await pools.reopen(pool)).backupBase('data', place)).toMatchObject(expected)
    })

    it('keeps one for each backup volume of each target, the newest', async () => {
      const { pool, made } = await withSnapshot()
      const other = { target: 'file:///backups', backupVolume: 'data' }
      const line = { ...place, backupVolume: 'data-2' }
      await pool.recordBackup('data', made)
      await pool.recordBackup('data', { ...made, ...other, backupName: 'backup-2' })
      await pool.recordBackup('data', { ...made, backupName: 'backup-3' })
      expect(pool.backupBase('data', place)?.backupName).toBe('backup-3')
      expect(pool.backupBase('data', other)?.backupName).toBe('backup-2')
      expect(pool.backupBase('data', line)).toBeUndefined()
    })

    it('has no base when the snapshot is gone, though another has its name', async () => {
      const { pool, made } = await withSnapshot()
      await pool.recordBackup('data', made)
      await pool.deleteSnapshot('data', 'one')
      expect(pool.backupBase('data', place)).toBeUndefined()
      await pool.createSnapshot('data', { name: 'one' })
      expect(pool.backupBase('data', place)).toBeUndefined()
    })

    it('has no base when the volume was deleted and made again', async () => {
      const { pool, made } = await withSnapshot()
      await pool.recordBackup('data', made)
      await pool.deleteVolume('data')
      await pool.createVolume({ name: 'data', sizeBytes: 10 * MiB })
      await pool.createSnapshot('data', { name: 'one' })
      expect(pool.backupBase('data', place)).toBeUndefined()
    })

    it('keeps its base through a revert', async () => {
      const { pool, made } = await withSnapshot()
      await pool.recordBackup('data', made)
      await pool.revertVolume('data', 'one')
      expect(pool.backupBase('data', place)?.snapshot.id).toBe(made.snapshotId)
    })
  })
}
