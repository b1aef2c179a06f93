/**
 * @module backup-state: what a backup reads of its volume once its mark is in place: volume.cfg, the base, the bad blocks.
 *
 * All reading before the mark would be a hint only.
 */
import { rfc3339, type Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import { readBadBlocks } from '#lib/backupstore/bad-blocks.ts'
import {
  blockSizeOf,
  defaultBlockSizeBytes,
  type BackupConfig,
  type BackupHeader,
} from '#lib/backupstore/backup-config.ts'
import {
  latestBackup,
  listBackupNames,
  readBackup,
  readBackupHeader,
  readVolumeConfig,
  type Stored,
} from '#lib/backupstore/backup-volume.ts'
import { BackupstoreError } from '#lib/backupstore/backupstore-error.ts'
import { compressionMethodOf, type CompressionMethod } from '#lib/backupstore/block.ts'
import { isInProgress } from '#lib/backupstore/in-progress.ts'
import type { VolumeKeys } from '#lib/backupstore/keys.ts'
import { checkNewVolumeName } from '#lib/backupstore/names.ts'
import { encodeVolumeConfig, type VolumeConfig } from '#lib/backupstore/volume-config.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { BackupError } from './backup-error.ts'
import type { CreateBackup } from './create-backup.ts'

export interface BackupState {
  volume: VolumeConfig
  volumeEtag: string
  /** Committed, of the same block size. `undefined`: this backup is a full one. */
  base: BackupConfig | undefined
  /** From the caller, where its base is the one that was loaded. */
  changedBlocks: ((blockSizeBytes: number) => Promise<Uint32Array>) | undefined
  /** The latest SnapshotCreatedAt known; may be empty. */
  lastBackupAt: string
  blockSizeBytes: number
  compression: CompressionMethod
  /** Checksums of blocks whose copies in the store are bad. */
  bad: ReadonlySet<string>
}

interface StateDeps {
  store: ObjectStore
  clock: Clock
  log: Log
}

/** All backups' headers that can be read: for when volume.cfg points nowhere. */
const readHeaders = async ({ store, log }: StateDeps, keys: VolumeKeys): Promise<BackupHeader[]> => {
  const headers: BackupHeader[] = []
  for (const name of await listBackupNames(store, keys)) {
    const header = await readBackupHeader(store, keys, name).catch((error: unknown) => {
      if (!(error instanceof BackupstoreError)) throw error
      log.warn('backup config cannot be read', { backup: name, error: error.message })
      return undefined
    })
    if (header) headers.push(header.value)
  }
  return headers
}

const firstVolumeConfig = (
  deps: StateDeps,
  command: CreateBackup,
  keys: VolumeKeys,
  compressionMethod: string,
): VolumeConfig => ({
  name: keys.volumeName,
  sizeBytes: command.source.sizeBytes,
  labels: command.labels,
  createdAt: rfc3339(deps.clock.now()),
  lastBackupName: '',
  lastBackupAt: '',
  blockCount: 0,
  backingImageName: '',
  backingImageChecksum: '',
  compressionMethod,
  storageClassName: command.storageClassName ?? '',
  dataEngine: '',
})

interface Volume extends Stored<VolumeConfig> {
  /** `none`: the backups were listed, and there is no committed one. */
  latest: BackupHeader | 'none' | undefined
}

/** Reads volume.cfg, or writes a first one; a volume that lost its own goes on with the compression of its newest backup. */
const ensureVolumeConfig = async (
  deps: StateDeps,
  command: CreateBackup,
  keys: VolumeKeys,
): Promise<Volume> => {
  const found = await readVolumeConfig(deps.store, keys)
  if (found) return { ...found, latest: undefined }
  const latest = latestBackup(await readHeaders(deps, keys))
  if (!latest) checkNewVolumeName(keys.volumeName)
  const config = firstVolumeConfig(
    deps,
    command,
    keys,
    latest?.compressionMethod ?? command.compression ?? 'lz4',
  )
  const result = await deps.store.put(keys.volumeConfig, encodeVolumeConfig(config), {
    condition: { kind: 'absent' },
  })
  if (result.kind === 'stored') return { value: config, etag: result.etag, latest: latest ?? 'none' }
  const other = await readVolumeConfig(deps.store, keys)
  if (other) return { ...other, latest: undefined }
  throw new BackupstoreError('conflict', `${keys.volumeConfig} was made and removed by others meanwhile`, {
    hint: 'try again',
  })
}

/** A committed backup, or `undefined` with a warning: what cannot be read is no base. */
const loadBase = async (
  { store, log }: StateDeps,
  keys: VolumeKeys,
  name: string,
): Promise<BackupConfig | undefined> => {
  try {
    const found = await readBackup(store, keys, name)
    return found && !isInProgress(found.value) ? found.value : undefined
  } catch (error) {
    if (!(error instanceof BackupstoreError)) throw error
    log.warn('last backup cannot be read: this one compares with none', {
      backup: name,
      error: error.message,
    })
    return undefined
  }
}

interface Base {
  config: BackupConfig | undefined
  isVouched: boolean
}

/** The caller's base; else volume.cfg's last backup; else the latest cfg there is. */
const findBase = async (
  deps: StateDeps,
  command: CreateBackup,
  keys: VolumeKeys,
  volume: Volume,
): Promise<Base> => {
  const vouched = command.base && (await loadBase(deps, keys, command.base.backupName))
  if (vouched && command.base?.isThatBackup?.(vouched) !== false) return { config: vouched, isVouched: true }
  const { lastBackupName } = volume.value
  const last = lastBackupName === '' ? undefined : await loadBase(deps, keys, lastBackupName)
  if (last) return { config: last, isVouched: false }
  const latest = volume.latest ?? latestBackup(await readHeaders(deps, keys)) ?? 'none'
  return { config: latest === 'none' ? undefined : await loadBase(deps, keys, latest.name), isVouched: false }
}

const checkBlockSize = (command: CreateBackup, base: BackupConfig | undefined): number => {
  const ofBase = base && blockSizeOf(base.parameters)
  if (ofBase !== undefined && command.blockSizeBytes !== undefined && ofBase !== command.blockSizeBytes) {
    throw new BackupError(
      'block-size-changed',
      `volume ${command.volumeName} has blocks of ${ofBase} bytes, not ${command.blockSizeBytes}`,
      {
        hint: 'the block size of a volume never changes; leave it out, or back up under another volume name',
      },
    )
  }
  return ofBase ?? command.blockSizeBytes ?? defaultBlockSizeBytes
}

const refuseBackingImage = (volume: VolumeConfig): void => {
  if (volume.backingImageName === '') return
  throw new BackupError(
    'not-restorable',
    `volume ${volume.name} stands on the backing image ${volume.backingImageName}`,
    {
      hint: 'its backups hold only what differs from that image; back up under another volume name',
    },
  )
}

const later = (a: string, b: string): string => ((Date.parse(b) || 0) > (Date.parse(a) || 0) ? b : a)

export const readBackupState = async (
  deps: StateDeps,
  command: CreateBackup,
  keys: VolumeKeys,
): Promise<BackupState> => {
  const found = await ensureVolumeConfig(deps, command, keys)
  const { value: volume, etag: volumeEtag } = found
  refuseBackingImage(volume)
  const bad = await readBadBlocks(deps.store, keys)
  const { config, isVouched } = await findBase(deps, command, keys, found)
  return {
    volume,
    volumeEtag,
    base: command.mode === 'full' ? undefined : config,
    changedBlocks: isVouched && command.mode !== 'full' ? command.base?.changedBlocks : undefined,
    lastBackupAt: later(volume.lastBackupAt, config?.snapshotCreatedAt ?? ''),
    blockSizeBytes: checkBlockSize(command, config),
    compression: compressionMethodOf(volume.compressionMethod, keys.volumeConfig),
    bad: new Set(bad.keys()),
  }
}
