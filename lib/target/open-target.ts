/**
 * @module open-target: from a target and its settings to the object store that it is.
 */
import { mkdirSync, statSync } from 'node:fs'
import type { Clock } from '#lib/base/clock.ts'
import { folderObjectStore } from '#lib/object-store/folder-object-store.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { s3Client } from '#lib/object-store/s3-client.ts'
import { s3ObjectStore } from '#lib/object-store/s3-object-store.ts'
import { foreignEndpoint } from './aws-endpoint.ts'
import { s3RoleCredentials, type S3Credentials } from './s3-credentials.ts'
import { TargetError } from './target-error.ts'
import { readTargetSettings, type SettingsRecord } from './target-settings.ts'
import {
  formatTargetUrl,
  type FolderTarget,
  type NfsTarget,
  type S3Target,
  type Target,
} from './target-url.ts'

export interface OpenTargetSettings {
  /** Longhorn's secret keys, by their names; anything else in it is left alone. Only read for an S3 target. */
  env: SettingsRecord
  /** What signs requests to S3, instead of what is in `env`: credentials that end, and are asked for again. */
  credentials?: S3Credentials | undefined
  /** Waits between tries; and says how old a local folder's objects are, whose server is this machine. */
  clock?: Clock
  /** Makes the folder of a file target, for its owner alone, instead of refusing one that is not there. */
  createFolder?: boolean
}

/**
 * Asks S3 nothing: a wrong key or bucket shows at the first request, or by `probeTarget`.
 * @throws TargetError `unsupported` for NFS, `no-folder`, `invalid-settings`.
 */
export const openTarget = (target: Target, settings: OpenTargetSettings): ObjectStore => {
  switch (target.kind) {
    case 's3':
      return openS3(target, settings)
    case 'folder':
      return openFolder(target, settings)
    case 'nfs':
      throw nfsError(target)
    default:
      return target satisfies never
  }
}

const openS3 = (
  { bucket, region, path }: S3Target,
  { env, clock, credentials }: OpenTargetSettings,
): ObjectStore => {
  const settings = readTargetSettings(env)
  const { endpoint, virtualHostedStyle, caPem, httpProxy, httpsProxy, noProxy } = settings
  const client = s3Client({
    region,
    endpoint,
    virtualHostedStyle,
    caPem,
    credentials: credentials ?? s3RoleCredentials(settings, region),
    proxy: { httpProxy, httpsProxy, noProxy },
  })
  return s3ObjectStore(
    { client, ...(clock ? { clock } : {}) },
    // Of another server than AWS's it is found out whether it has conditional writes.
    {
      bucket,
      region,
      prefix: path,
      conditionalWrites: foreignEndpoint(endpoint) === undefined ? 'native' : 'probe',
    },
  )
}

/** A mistyped folder that is made without a word looks like a backupstore without backups. */
const openFolder = (
  { path }: FolderTarget,
  { clock, createFolder = false }: OpenTargetSettings,
): ObjectStore => {
  if (!hasFolder(path, createFolder)) {
    throw new TargetError('no-folder', `no folder ${path}`, {
      hint: `mount it if it is a share, or make it: mkdir -p '${path.replaceAll("'", String.raw`'\''`)}'`,
    })
  }
  return folderObjectStore({ folder: path, ...(clock ? { clock } : {}) })
}

const hasFolder = (path: string, createFolder: boolean): boolean => {
  try {
    if (createFolder) mkdirSync(path, { recursive: true, mode: 0o700 })
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
  } catch (cause) {
    throw new TargetError('no-folder', `cannot ${createFolder ? 'make' : 'look at'} the folder ${path}`, {
      hint: 'check the owner and mode of the folders above it, and that none of them is a file',
      cause,
    })
  }
}

/** NFS URLs are mounted by the agent on a node, which may mount. */
const nfsError = (target: NfsTarget): TargetError => {
  const options = target.options.length === 0 ? 'soft,timeo=300,retry=2' : target.options.join(',')
  return new TargetError('unsupported', `${formatTargetUrl(target)} cannot be opened by its URL here`, {
    hint: `mount it, mount -t nfs4 -o ${options} ${target.server}:${target.path} /mnt/backups, and use file:///mnt/backups/`,
  })
}
