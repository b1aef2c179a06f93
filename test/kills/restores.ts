/**
 * @module restores: every backup in the store, restored by the independent reader and judged by what was written to its volume.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { imageOf } from '#lib/volume/pool-driver.ts'
import { decodeRecord } from '#lib/volume/volume-record.ts'
import { forEachConcurrently } from '#lib/base/concurrency.ts'
import { readFileSync } from 'node:fs'
import { independentRestore } from '../independent-reader.ts'
import { judge } from '../readers.ts'
import { audit, filesIn, folderOf } from '../volume-audit.ts'
import type { WrittenVolume } from './written-volume.ts'

export interface Restores {
  /** Those of the store, as it is now. @returns what is wrong with each. */
  check(): Promise<string[]>
  /** By volume and backup, of all that were ever checked: after how many writes it was taken. */
  readonly moments: ReadonlyMap<string, number>
}

export interface RestoresSettings {
  store: string
  /** For images. */
  folder: string
  volumes: readonly WrittenVolume[]
}

const atOnce = 2

export const momentKey = (volume: string, backup: string): string => `${volume}/${backup}`

export const restoresOf = ({ store, folder, volumes }: RestoresSettings): Restores => {
  const moments = new Map<string, number>()
  const restore = async (volumeName: string, backupName: string): Promise<string> => {
    const place = mkdtempSync(join(folder, 'image-'))
    try {
      const image = join(place, 'image')
      await independentRestore(store, volumeName, backupName, image)
      const volume = volumes.find(({ name }) => name === volumeName)
      if (!volume) throw new Error('nobody writes to it')
      moments.set(momentKey(volumeName, backupName), await volume.momentOf(image))
      return ''
    } catch (error) {
      return `backup ${backupName} of ${volumeName}: ${String(error)}`
    } finally {
      rmSync(place, { recursive: true })
    }
  }
  // What is the same, byte for byte, is not restored twice.
  const reader = judge((_files, volumeName, backupName) => restore(volumeName, backupName))
  return {
    moments,
    check: async () => {
      const files = filesIn(store)
      const wrong: string[] = []
      await forEachConcurrently(volumes, { limit: atOnce }, async ({ name }) => {
        const own = new Map([...files].filter(([key]) => key.startsWith(folderOf(name))))
        wrong.push(...audit(own, name).missing.map((key) => `${key} is missing`))
        for (const said of (await reader.read(own, name)).values()) if (said !== '') wrong.push(said)
      })
      return wrong
    },
  }
}

/** Of a volume that was restored into a pool, and not written to since. */
export const momentInPool = async (pool: string, name: string, of: WrittenVolume): Promise<number> => {
  const folder = join(pool, 'volumes', name)
  const path = join(folder, 'volume.json')
  const { head } = decodeRecord(readFileSync(path, 'utf8'), path)
  return of.momentOf(imageOf(join(folder, head.id)))
}
