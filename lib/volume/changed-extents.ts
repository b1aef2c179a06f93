/**
 * @module changed-extents: what of two layers may differ, from where the file system keeps them.
 *
 * The file system may move blocks while it is asked (balance, defragmentation). So the first list is asked for again after the
 * second: if it is another now, once more; and at last both files are read instead.
 */
import { open } from 'node:fs/promises'
import { gathered } from '#lib/base/gathered.ts'
import { changedFile } from './changed-content.ts'
import { changedExtents, isShared, sameExtents, type Extent } from './extents.ts'
import { statImage } from './image-file.ts'
import { physicalExtents, type PhysicalExtent } from './linux-system-calls.ts'
import { imageOf } from './pool-driver.ts'

const extentsOf = async (path: string): Promise<PhysicalExtent[]> => {
  const file = await open(path, 'r')
  try {
    return await gathered(physicalExtents(file.fd, path))
  } finally {
    await file.close()
  }
}

const looks = 3

/** @throws VolumeError `layer-damaged`. */
export const changedByPlace = async function* (base: string, layer: string): AsyncGenerator<Extent> {
  const [basePath, path] = [imageOf(base), imageOf(layer)]
  await statImage(basePath)
  const sizeBytes = Number((await statImage(path)).size)
  let before = await extentsOf(basePath)
  for (let look = 1; look <= looks; look++) {
    const after = await extentsOf(path)
    const again = await extentsOf(basePath)
    if (sameExtents(before, again)) {
      yield* changedExtents(before, after, sizeBytes)
      return
    }
    before = again
  }
  yield* changedFile(basePath, path, sizeBytes)
}

/** @throws VolumeError `layer-damaged`. */
export const changedByContent = async function* (base: string, layer: string): AsyncGenerator<Extent> {
  const [basePath, path] = [imageOf(base), imageOf(layer)]
  await statImage(basePath)
  yield* changedFile(basePath, path, Number((await statImage(path)).size))
}

/** Bytes of a file that it shares with no other. */
export const ownBytesOf = async (path: string): Promise<number> => {
  const extents = await extentsOf(path)
  return extents.reduce((sum, extent) => sum + (isShared(extent) ? 0 : extent.lengthBytes), 0)
}
