/**
 * @module tools: how Drover, borg and restic are asked to do the same thing.
 *
 * Each is run as its users run it, with its defaults; borg without encryption, which Drover has not got, restic with, since it
 * cannot do without.
 */
import { fileURLToPath } from 'node:url'
import type { Command } from './measure.ts'
import type { Place, PlaceKind } from './places.ts'

export type ToolName = 'drover' | 'borg' | 'restic'

export interface Images {
  /** Folders, each with a disk.img. */
  first: string
  second: string
  third: string
  /** Offsets of what differs between the second and the third. */
  changes: string
}

export interface ToolSetup {
  place: Place
  images: Images
  /** Empty, for what it keeps on its side. */
  home: string
  /** Empty, for what it restores. */
  restored: string
}

export interface ToolCommands {
  /** Makes a repository; not measured. */
  prepare: Command | undefined
  full: Command
  incremental: Command
  /** An incremental backup that is told what changed. */
  told?: Command
  /** Of the incremental, to `disk.img` in the folder for it. */
  restore: Command
}

export interface Tool {
  tool: ToolName
  compression: string
  /** Measured in the first run only: no goal is about it. */
  isOnce: boolean
  places: readonly PlaceKind[]
  commands(setup: ToolSetup): ToolCommands
}

const image = 'disk.img'
const pathOf = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

const droverTarget = (place: Place): { url: string; env: Record<string, string> } =>
  place.kind === 'folder'
    ? { url: `file://${place.path}/`, env: {} }
    : {
        url: `s3://${place.bucket}@${place.region}/`,
        env: {
          AWS_ENDPOINTS: place.endpoint,
          AWS_ACCESS_KEY_ID: place.accessKey,
          AWS_SECRET_ACCESS_KEY: place.secretKey,
        },
      }

const drover = (compression: 'lz4' | 'none', places: readonly PlaceKind[]): Tool => ({
  tool: 'drover',
  compression,
  isOnce: compression === 'none',
  places,
  commands: ({ place, images, restored }) => {
    const { url, env } = droverTarget(place)
    const node = (script: string, ...args: string[]): Command => ({
      run: [process.execPath, pathOf(script), ...args],
      env,
    })
    const create = (folder: string, name: string) =>
      node(
        '../cli/drover.mjs',
        ...`backup create --quiet --volume bench --name ${name} --compression ${compression}`.split(' '),
        '--from',
        `${folder}/${image}`,
        '--to',
        url,
      )
    const syncs = `${restored}/${image}`
    return {
      prepare: undefined,
      full: create(images.first, 'first'),
      incremental: create(images.second, 'second'),
      told: {
        ...node('./told-backup.ts', `${images.third}/${image}`, url, images.changes),
        env: { ...env, NODE_COMPILE_CACHE: pathOf('../node_modules/.cache/drover') },
      },
      restore: {
        ...node(
          '../cli/drover.mjs',
          'restore',
          '--quiet',
          `${url}?backup=second&volume=bench`,
          '--to',
          syncs,
        ),
        syncs,
      },
    }
  },
})

const borg = (compression: 'lz4' | 'none'): Tool => ({
  tool: 'borg',
  compression,
  isOnce: compression === 'none',
  places: ['folder'],
  commands: ({ place, images, home, restored }) => {
    if (place.kind !== 'folder') throw new Error('borg has no S3')
    const repository = `${place.path}/borg`
    const env = { BORG_BASE_DIR: home, BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes' }
    const create = (cwd: string, name: string): Command => ({
      run: ['borg', 'create', '--compression', compression, `${repository}::${name}`, image],
      env,
      cwd,
    })
    return {
      prepare: { run: ['borg', 'init', '--encryption', 'none', repository], env },
      full: create(images.first, 'first'),
      incremental: create(images.second, 'second'),
      restore: {
        run: ['borg', 'extract', `${repository}::second`],
        env,
        cwd: restored,
        syncs: `${restored}/${image}`,
      },
    }
  },
})

const restic: Tool = {
  tool: 'restic',
  compression: 'zstd (auto)',
  isOnce: false,
  places: ['folder', 'minio'],
  commands: ({ place, images, home, restored }) => {
    const env = {
      RESTIC_PASSWORD: 'bench',
      RESTIC_CACHE_DIR: home,
      RESTIC_REPOSITORY:
        place.kind === 'folder' ? `${place.path}/restic` : `s3:${place.endpoint}/${place.bucket}/restic`,
      ...(place.kind === 'minio' && {
        AWS_ACCESS_KEY_ID: place.accessKey,
        AWS_SECRET_ACCESS_KEY: place.secretKey,
      }),
    }
    const backup = (cwd: string): Command => ({ run: ['restic', 'backup', '--quiet', image], env, cwd })
    return {
      prepare: { run: ['restic', 'init', '--quiet'], env },
      full: backup(images.first),
      incremental: backup(images.second),
      restore: {
        run: ['restic', 'restore', '--quiet', 'latest', '--target', restored],
        env,
        syncs: `${restored}/${image}`,
      },
    }
  },
}

export const tools: readonly Tool[] = [
  drover('lz4', ['folder', 'minio']),
  drover('none', ['folder']),
  borg('lz4'),
  borg('none'),
  restic,
]
