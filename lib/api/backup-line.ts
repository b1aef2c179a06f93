/**
 * @module backup-line: where a volume's backups go: a target, and a backup volume in it that no other volume writes to.
 */
import { randomBytes } from 'node:crypto'
import { isValidNewVolumeName, maxNewVolumeNameLength } from '#lib/backupstore/names.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { Volume } from '#lib/catalog/entities.ts'
import { settingValue } from '#lib/catalog/settings.ts'
import { ApiError } from './api-error.ts'
import type { ApiDeps } from './api-deps.ts'
import { foundTarget } from './found.ts'

export interface BackupLine {
  target: string | null
  backupVolume: string | null
}

interface Of {
  cluster: string
  name: string
}

const ownerOf = async (
  { catalog }: Pick<ApiDeps, 'catalog'>,
  line: { target: string; backupVolume: string },
  self: Of,
): Promise<string | undefined> => {
  const { partition } = catalogKeys.volume('x', 'x')
  for await (const { cluster, name, target, backupVolume } of catalog.volumes.all({ partition })) {
    const isSelf = cluster === self.cluster && name === self.name
    if (!isSelf && target === line.target && backupVolume === line.backupVolume) return `${cluster}/${name}`
  }
  return undefined
}

const isInStore = async (
  { catalog }: Pick<ApiDeps, 'catalog'>,
  { target, backupVolume }: { target: string; backupVolume: string },
): Promise<boolean> =>
  (await catalog.backupVolumes.get(catalogKeys.backupVolume(target, backupVolume))) !== undefined

const randomHexDigits = 8

const randomName = ({ name }: Of): string => {
  const kept = name.toLowerCase().slice(0, maxNewVolumeNameLength - randomHexDigits - 1)
  return `${kept}-${randomBytes(randomHexDigits / 2).toString('hex')}`
}

const freeName = async (deps: Pick<ApiDeps, 'catalog'>, target: string, self: Of): Promise<string> => {
  const line = { target, backupVolume: self.name }
  const isFree =
    isValidNewVolumeName(self.name) &&
    !(await isInStore(deps, line)) &&
    (await ownerOf(deps, line, self)) === undefined
  return isFree ? self.name : randomName(self)
}

const isOthers = (owner: string, { target, backupVolume }: BackupLine): ApiError =>
  new ApiError('conflict', `volume ${owner} writes to backup volume ${backupVolume} in target ${target}`, {
    hint: 'two volumes never write to one backup volume: leave the name out, or take another',
    fields: [{ field: 'backupVolume', message: `is ${owner}'s` }],
  })

const checkNamed = async (
  deps: Pick<ApiDeps, 'catalog'>,
  line: { target: string; backupVolume: string },
): Promise<void> => {
  const { target, backupVolume } = line
  if (isValidNewVolumeName(backupVolume) || (await isInStore(deps, line))) return
  throw new ApiError('invalid-request', `no backup volume ${backupVolume} is known in target ${target}`, {
    hint: `if it is there: drover target index ${target}; a new one has at most ${maxNewVolumeNameLength} characters, none of them upper-case`,
    fields: [{ field: 'backupVolume', message: 'is no name for a new one' }],
  })
}

/**
 * One that is named is taken if no other volume writes to it, also if there are backups in it already; else the volume's own name,
 * or, if backups of that name are there or it is no name for a new backup volume, one with a random part.
 */
export const backupLineFor = async (
  deps: Pick<ApiDeps, 'catalog'>,
  self: Of,
  wanted: { target?: string | null | undefined; backupVolume?: string | undefined },
): Promise<BackupLine> => {
  const { catalog } = deps
  const before = await catalog.volumes.get(catalogKeys.volume(self.cluster, self.name))
  const target =
    wanted.target === undefined
      ? (before?.target ?? (await settingValue(catalog, 'default-backup-target')))
      : wanted.target
  if (target === null) {
    if (wanted.backupVolume === undefined) return { target, backupVolume: null }
    throw new ApiError('invalid-request', `backup volume ${wanted.backupVolume} is in no target`, {
      hint: 'name the target too, or set default-backup-target',
      fields: [{ field: 'target', message: 'is missing' }],
    })
  }
  await foundTarget(catalog, target)
  if (wanted.backupVolume === undefined) {
    const isSame = before?.target === target && before.backupVolume !== null
    return { target, backupVolume: isSame ? before.backupVolume : await freeName(deps, target, self) }
  }
  const { backupVolume } = wanted
  await checkNamed(deps, { target, backupVolume })
  const owner = await ownerOf(deps, { target, backupVolume }, self)
  if (owner === undefined) return { target, backupVolume }
  throw isOthers(owner, { target, backupVolume })
}

/**
 * Looks again once the line is written: of two volumes that took the same one at once, one at least sees the other. Who sees
 * another gives way: to a name with a random part, or, where the name was asked for, by `undo` and a refusal; so that it may
 * happen to both. @returns the volume as it is then.
 */
export const confirmedLine = async (
  deps: Pick<ApiDeps, 'catalog'>,
  volume: Volume,
  undo: (() => Promise<unknown>) | undefined,
): Promise<Volume> => {
  const { cluster, name, target, backupVolume } = volume
  const isBackedUp = target !== null && backupVolume !== null
  const owner = isBackedUp ? await ownerOf(deps, { target, backupVolume }, volume) : undefined
  if (owner === undefined) return volume
  if (undo) {
    await undo()
    throw isOthers(owner, { target, backupVolume })
  }
  const other = randomName(volume)
  const after = await deps.catalog.volumes.change(catalogKeys.volume(cluster, name), (there) =>
    there?.backupVolume === backupVolume ? { ...there, backupVolume: other } : undefined,
  )
  return after ?? volume
}
