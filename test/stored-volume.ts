/**
 * @module stored-volume: a volume as the catalog has it, for tests to vary.
 */
import type { Volume } from '#lib/catalog/entities.ts'

export const storedVolume: Volume = {
  cluster: 'primary',
  name: 'web',
  node: 'node-1',
  generation: 1,
  sizeBytes: 2 ** 30,
  actualSizeBytes: 0,
  state: 'detached',
  path: null,
  jobs: [],
  groups: [],
  target: null,
  backupVolume: null,
  createdAt: '2026-01-01T00:00:00Z',
}
