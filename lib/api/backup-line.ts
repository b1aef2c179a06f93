/**
 * @module backup-line: where a volume's backups go: a target, and a backup volume in it that no other volume writes to.
 */
import { randomBytes } from 'node:crypto'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
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

const freeName = async (deps: Pick<ApiDeps, 'catalog'>, target: string, self: Of): Promise<string> => {
  const line = { target, backupVolume: self.name }
  const isTaken =
    (await deps.catalog.backupVolumes.get(catalogKeys.backupVolume(target, self.name))) !== undefined ||
    (await ownerOf(deps, line, self)) !== undefined
  return isTaken ? `${self.name}-${randomBytes(4).toString('hex')}` : self.name
}

/**
 * One that is named is taken if no other volume writes to it, also if there are backups in it already; else the volume's own name,
 * or, if backups of that name are there, one with a random part.
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
  if (target === null) return { target: null, backupVolume: null }
  await foundTarget(catalog, target)
  if (wanted.backupVolume === undefined) {
    const isSame = before?.target === target && before.backupVolume !== null
    return { target, backupVolume: isSame ? before.backupVolume : await freeName(deps, target, self) }
  }
  const { backupVolume } = wanted
  const owner = await ownerOf(deps, { target, backupVolume }, self)
  if (owner === undefined) return { target, backupVolume }
  throw new ApiError(
    'conflict',
    `volume ${owner} writes to backup volume ${backupVolume} in target ${target}`,
    {
      hint: 'two volumes never write to one backup volume: leave the name out, or take another',
      fields: [{ field: 'backupVolume', message: `is ${owner}'s` }],
    },
  )
}
