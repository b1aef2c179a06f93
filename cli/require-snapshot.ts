import type { Pool } from '#lib/volume/pool.ts'
import type { SnapshotRecord } from '#lib/volume/volume-record.ts'

/** What is recorded of a snapshot; looks at its layer too. @throws VolumeError `volume-not-found`, `snapshot-not-found`, `layer-damaged`. */
export const requirePoolSnapshot = async (
  pool: Pool,
  volume: string,
  name: string,
): Promise<SnapshotRecord> => {
  const reader = await pool.openSnapshot(volume, name)
  reader.close()
  return reader.snapshot
}
