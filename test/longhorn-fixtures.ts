/**
 * @module longhorn-fixtures: backupstores that Longhorn's own library wrote, from `../shared/fixtures/longhorn` beside the
 * repository, unpacked when they are first asked for and removed when this process ends.
 *
 * A test that needs them skips itself, and prints why, where `missingFixtures()` says that they are not there.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

let found: LonghornFixture[] | undefined
let root: string | undefined

/** Why there are no fixtures; `undefined`: there are. */
export const missingFixtures = (): string | undefined =>
  existsSync(source) ? undefined : 'there is no folder ../shared/fixtures/longhorn beside the repository'

/** By name; none where they are missing. */
export const longhornFixtures = (): LonghornFixture[] => (found ??= findFixtures())

const findFixtures = (): LonghornFixture[] =>
  missingFixtures() === undefined
    ? readdirSync(source)
        .filter((file) => file.endsWith('.tar.gz'))
        .map((file) => fixture(file.slice(0, -'.tar.gz'.length)))
        .toSorted((a, b) => a.name.localeCompare(b.name))
    : []

const fixture = (name: string): LonghornFixture => {
  let folder: string | undefined
  return {
    name,
    get folder() {
      return (folder ??= unpack(name))
    },
    manifest: Manifest.parse(JSON.parse(readFileSync(join(source, `${name}.json`), 'utf8'))),
  }
}

const unpack = (name: string): string => {
  const folder = join((root ??= makeRoot()), name)
  mkdirSync(folder)
  execFileSync('tar', ['-xzf', join(source, `${name}.tar.gz`), '-C', folder])
  return folder
}

const makeRoot = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'drover-fixtures-'))
  process.once('exit', () => rmSync(made, { recursive: true, force: true }))
  return made
}
