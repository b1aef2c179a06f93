/**
 * @module claimed-volume: the row of a volume that is about to be, which is made before the operation that makes the volume.
 */
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { Volume } from '#lib/catalog/entities.ts'
import { ApiError } from './api-error.ts'
import type { ApiDeps } from './api-deps.ts'
import type { Claim } from './issuing.ts'

export const placement = ({ cluster, node, name, generation }: Volume) => ({
  cluster,
  node,
  volume: name,
  generation,
})

/**
 * Makes the row of a volume that is about to be. One that the same request made before is taken for it, as it is: by its time it is
 * told from another's. @returns what is there.
 */
export const claimVolume = async (
  { catalog }: Pick<ApiDeps, 'catalog'>,
  wanted: Omit<Volume, 'createdAt'>,
  { isRepeated, at }: Claim,
): Promise<Volume> => {
  const volume = { ...wanted, createdAt: at }
  if (await catalog.volumes.create(volume)) return volume
  const there = await catalog.volumes.get(catalogKeys.volume(volume.cluster, volume.name))
  if (isRepeated && there?.state === volume.state && there.createdAt === at) return there
  throw new ApiError('exists', `there is a volume ${volume.name} in cluster ${volume.cluster} already`, {
    hint: 'take another name',
  })
}
