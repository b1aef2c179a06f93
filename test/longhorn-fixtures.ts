/**
 * @module longhorn-fixtures: backupstores that Longhorn's own library wrote, from `../shared/fixtures/longhorn` beside the
 * repository, unpacked when they are first asked for and removed after the tests of the file that asked.
 *
 * A test that needs them skips itself, and prints why, where `missingFixtures()` says that they are not there.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import * as z from 'zod'

const Manifest = z.object({
  /** The release whose library wrote it. */
  longhorn: z.string(),
  volume: z.string(),
  backups: z.array(
    z.object({
      backup: z.string(),
      snapshot: z.string(),
      size: z.number(),
      /** Of the restored volume. */
      sha256: z.string(),
    }),
  ),
})
export type LonghornManifest = z.infer<typeof Manifest>

export interface LonghornFixture {
  /** Like `1.12.1-lz4`. */
  name: string
  /** Has `backupstore/` in it. Its first reader unpacks it; do not write to it. */
  readonly folder: string
  manifest: LonghornManifest
}

const source = join(import.meta.dirname, '../../shared/fixtures/longhorn')

/** Why there are no fixtures; `undefined`: there are. */
export const missingFixtures = (): string | undefined =>
  existsSync(source) ? undefined : 'there is no folder ../shared/fixtures/longhorn beside the repository'

let found: LonghornFixture[] | undefined

/** By name; none where they are missing. Call it outside of tests, as it adds what cleans up after them. */
export const longhornFixtures = (): LonghornFixture[] => (found ??= findFixtures())

const findFixtures = (): LonghornFixture[] => {
  if (missingFixtures() !== undefined) return []
  afterAll(removeUnpacked)
  return readdirSync(source)
    .filter((file) => file.endsWith('.tar.gz'))
    .map((file) => fixture(file.slice(0, -'.tar.gz'.length)))
    .toSorted((a, b) => a.name.localeCompare(b.name))
}

const fixture = (name: string): LonghornFixture => ({
  name,
  get folder() {
    return unpacked(name)
  },
  manifest: Manifest.parse(JSON.parse(readFileSync(join(source, `${name}.json`), 'utf8'))),
})

let root: string | undefined

const unpacked = (name: string): string => {
  root ??= mkdtempSync(join(tmpdir(), 'drover-fixtures-'))
  const folder = join(root, name)
  if (!existsSync(folder)) {
    mkdirSync(folder)
    execFileSync('tar', ['-xzf', join(source, `${name}.tar.gz`), '-C', folder])
  }
  return folder
}

const removeUnpacked = () => {
  if (root !== undefined) rmSync(root, { recursive: true, force: true })
  root = undefined
}
