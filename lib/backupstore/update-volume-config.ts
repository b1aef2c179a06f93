/**
 * @module update-volume-config: changes `volume.cfg` on the condition that it is as it was read, and reads it again if not.
 */
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { readVolumeConfig, type Stored } from './backup-volume.ts'
import { BackupstoreError } from './backupstore-error.ts'
import type { VolumeKeys } from './keys.ts'
import { encodeVolumeConfig, type VolumeConfig } from './volume-config.ts'

const attempts = 10

/**
 * `change` may be called several times, with what is there now (`undefined`: nothing). Its answer `undefined` leaves it.
 * Returns what is there then.
 * @throws BackupstoreError `conflict` when others kept changing it.
 */
export const updateVolumeConfig = async (
  store: ObjectStore,
  keys: VolumeKeys,
  read: Stored<VolumeConfig> | undefined,
  change: (volume: VolumeConfig | undefined) => VolumeConfig | undefined,
): Promise<Stored<VolumeConfig> | undefined> => {
  let current = read
  for (let attempt = 0; attempt < attempts; attempt++) {
    const next = change(current?.value)
    if (!next) return current
    const condition = current
      ? ({ kind: 'unchanged', etag: current.etag } as const)
      : ({ kind: 'absent' } as const)
    const bytes = encodeVolumeConfig(next)
    const result = await store.put(keys.volumeConfig, bytes, { condition })
    if (result.kind === 'stored') return { value: next, etag: result.etag }
    current = await readVolumeConfig(store, keys)
    // The answer to our own put may have been lost, and a second try refused.
    if (current && Buffer.compare(encodeVolumeConfig(current.value), bytes) === 0) return current
  }
  throw new BackupstoreError(
    'conflict',
    `${keys.volumeConfig} was changed by others ${attempts} times while it was written`,
    {
      hint: 'what was done before is kept; the next backup or deletion of this volume writes it again',
    },
  )
}
