/**
 * @module target-url: where backups go, as people write it.
 *
 * - `s3://bucket@region/path/`: the region and the final `/` are required, so that no two ways of writing name one target;
 * - `file:///path/`, also `vfs:///path/` (Longhorn's own test driver), or just a folder that begins with `/` or `.`;
 * - `nfs://server:/export/?nfsOptions=soft,timeo=300`.
 *
 * Paths follow the manager's rule (no `$`, no `,`) and Go's `path.Join` (`a//b` is `a/b`). Source: `longhorn backupstore s3/s3.go`,
 * `nfs/nfs.go`, `vfs/vfs.go`, `longhorn-manager datastore/longhorn.go` ValidateBackupTargetURL.
 */
import { resolve } from 'node:path'
import { decodeQuery, encodeQuery } from './go-query.ts'
import { TargetError } from './target-error.ts'

/** `path` is `''` or `a/b/`: what every key begins with. */
export type S3Target = { kind: 's3'; bucket: string; region: string; path: string }
/** `path` is absolute and does not end with `/`, but for the root itself. */
export type FolderTarget = { kind: 'folder'; path: string }
/** `path` as a folder target's, on the server; `options` are the mount's, empty for Longhorn's defaults. */
export type NfsTarget = { kind: 'nfs'; server: string; path: string; options: readonly string[] }
export type Target = S3Target | FolderTarget | NfsTarget

interface UrlParts {
  text: string
  scheme: string
  authority: string
  path: string
  query: string | undefined
}

const forms = 's3://<bucket>@<region>/<path>/ or file:///<folder>/'

/** A password that stands where none may be must not be seen in an error. */
const shown = (text: string): string => JSON.stringify(text.replace(/:[^/@]*@/, ':…@').slice(0, 200))

const invalid = (text: string, what: string, hint: string, cause?: unknown): TargetError =>
  new TargetError('invalid-url', `backup target URL ${shown(text)} ${what}`, { hint, cause })

const urlPattern = /^([a-z][a-z0-9+.-]*):\/\/([^/?]*)([^?]*)(?:\?(.*))?$/is

const splitUrl = (text: string): UrlParts => {
  const [, scheme = '', authority = '', path = '', query] = urlPattern.exec(text) ?? []
  if (scheme === '') throw invalid(text, 'is not understood', `write ${forms}`)
  return { text, scheme: scheme.toLowerCase(), authority, path, query }
}

/** @throws TargetError `invalid-url`, with the right form as its hint; `unsupported` for cifs and azblob. */
export const parseTargetUrl = (text: string): Target => {
  if (/^[./]/.test(text)) return folderTarget(text, resolve(text))
  const url = splitUrl(text)
  switch (url.scheme) {
    case 's3':
      return s3Target(url)
    case 'file':
    case 'vfs':
      return fileUrlTarget(url)
    case 'nfs':
      return nfsTarget(url)
    case 'cifs':
    case 'azblob':
      throw new TargetError('unsupported', `${url.scheme} backup targets are not supported`, {
        hint: `use ${forms}; a mounted share is a folder too`,
      })
    default:
      throw invalid(text, `has an unknown scheme, ${url.scheme}`, `write ${forms}`)
  }
}

/** The one way of writing a target; `parseTargetUrl` gives the same target back. */
export const formatTargetUrl = (target: Target): string => {
  switch (target.kind) {
    case 's3':
      return `s3://${target.bucket}@${target.region}/${encodeURI(target.path)}`
    case 'folder':
      return `file://${encodeURI(target.path === '/' ? '' : target.path)}/`
    case 'nfs': {
      const query =
        target.options.length === 0 ? '' : `?${encodeQuery([['nfsOptions', target.options.join(',')]])}`
      return `nfs://${target.server}:${encodeURI(target.path)}${query}`
    }
    default:
      return target satisfies never
  }
}

/** S3's rule for general purpose buckets. https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const isBucketName = (name: string): boolean =>
  /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) &&
  !name.includes('..') &&
  !/^\d+\.\d+\.\d+\.\d+$/.test(name)

/** Looser than AWS's own names: other servers call their regions as they like. */
const isRegion = (name: string): boolean => /^[a-z0-9][a-z0-9._-]{0,62}$/i.test(name)

const s3Target = ({ text, authority, path, query }: UrlParts): S3Target => {
  if (authority.includes(':')) {
    throw new TargetError(
      'invalid-url',
      'an s3 backup target URL has a colon before its path, which no bucket and no region has',
      {
        hint: 'write s3://<bucket>@<region>/<path>/; keys belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
      },
    )
  }
  const parts = pathParts(text, decodePath(text, path))
  const [bucket = '', region = '', ...more] = authority.split('@')
  const rightForm = `write s3://${bucket || '<bucket>'}@${region || '<region>'}${path.endsWith('/') ? path : `${path}/`}`
  if (query !== undefined) throw invalid(text, 'has parameters, which s3 does not know', rightForm)
  if (region === '' || more.length > 0) throw invalid(text, 'names no region', rightForm)
  if (!path.endsWith('/')) throw invalid(text, 'does not end with /', rightForm)
  if (!isRegion(region)) throw invalid(text, 'has an invalid region', 'a region is named like us-east-1')
  if (!isBucketName(bucket)) {
    const rule =
      'a bucket name has 3 to 63 lower-case letters, digits, "." and "-", and begins and ends with a letter or digit'
    throw invalid(text, 'has an invalid bucket name', rule)
  }
  return { kind: 's3', bucket, region, path: parts.map((part) => `${part}/`).join('') }
}

const fileUrlTarget = ({ text, authority, path, query }: UrlParts): FolderTarget => {
  const rightForm = authority.includes('@') ? 'write file:///<folder>/' : `write file:///${authority}${path}`
  if (authority !== '') throw invalid(text, 'names a host, or a folder that is not absolute', rightForm)
  if (path === '') throw invalid(text, 'names no folder', 'write file:///<folder>/')
  if (query !== undefined)
    throw invalid(text, 'has parameters, which file does not know', `write file://${path}`)
  return folderTarget(text, decodePath(text, path))
}

const folderTarget = (text: string, path: string): FolderTarget => ({
  kind: 'folder',
  path: `/${pathParts(text, path).join('/')}`,
})

const serverPattern = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]):$/i

const nfsTarget = ({ text, authority, path, query = '' }: UrlParts): NfsTarget => {
  const form = 'write nfs://<server>:/<export>/'
  if (!serverPattern.test(authority)) throw invalid(text, 'does not name a server, followed by a colon', form)
  if (path === '') throw invalid(text, 'names no export', form)
  const parts = pathParts(text, decodePath(text, path))
  return {
    kind: 'nfs',
    server: authority.slice(0, -1),
    path: `/${parts.join('/')}`,
    options: nfsOptions(text, query),
  }
}

/** As Longhorn's SplitMountOptions: a list with commas, or the parameter repeated. */
const nfsOptions = (text: string, query: string): string[] =>
  parseQuery(text, query).flatMap(([key, value]) => {
    if (key !== 'nfsOptions')
      throw invalid(text, `has the unknown parameter ${JSON.stringify(key)}`, 'nfs knows only nfsOptions')
    const options = value.split(',').map((option) => option.trim())
    const wrong = options.find((option) => !/^(?:\w+(?:=[\w.:/@+-]+)?)?$/.test(option))
    if (wrong !== undefined)
      throw invalid(
        text,
        `has the invalid mount option ${JSON.stringify(wrong)}`,
        'write ?nfsOptions=soft,timeo=300',
      )
    return options.filter((option) => option !== '')
  })

const parseQuery = (text: string, query: string) => {
  try {
    return decodeQuery(query)
  } catch (error) {
    throw invalid(text, 'has a query that cannot be decoded', 'write % as %25', error)
  }
}

const decodePath = (text: string, path: string): string => {
  try {
    return decodeURIComponent(path)
  } catch (error) {
    throw invalid(text, 'has a path that cannot be decoded', 'write % as %25', error)
  }
}

/** `$` and `,` break mount commands and option lists, which is why the manager refuses them. */
const pathParts = (text: string, path: string): string[] => {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[$,?#\u0000-\u001f\u007f]/.test(path)) {
    throw invalid(text, 'has a path with one of $ , ? # or a control character', 'choose a path without them')
  }
  const parts = path.split('/').filter((part) => part !== '')
  if (parts.some((part) => part === '.' || part === '..')) {
    throw invalid(text, 'has a path with "." or ".." in it', 'write the path without them')
  }
  return parts
}
