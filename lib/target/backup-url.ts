/**
 * @module backup-url: one backup (or one backup volume) of a target: the target's URL with `?backup=…&volume=…`.
 *
 * Names are only checked to be there: what is a valid name belongs to lib/backupstore, which callers ask.
 * Source: `longhorn backupstore config.go` EncodeBackupURL, DecodeBackupURL.
 */
import { decodeQuery, encodeQuery, type QueryEntry } from './go-query.ts'
import { TargetError } from './target-error.ts'
import { formatTargetUrl, parseTargetUrl, type Target } from './target-url.ts'

export interface BackupAddress {
  volumeName: string
  /** Absent: the whole backup volume. */
  backupName?: string
}

const hint = 'a backup URL is the URL of its target with ?backup=<backup>&volume=<volume> after it'

const invalid = (what: string, cause?: unknown): TargetError =>
  new TargetError('invalid-url', `backup URL ${what}`, { hint, cause })

/** @throws TargetError `invalid-url`, also for parameters that the target's scheme does not know. */
export const parseBackupUrl = (text: string): { target: Target } & BackupAddress => {
  const { base, entries } = splitQuery(unescapeShell(text))
  const volumeName = onlyValue(entries, 'volume')
  if (volumeName === undefined) throw invalid('names no volume')
  const backupName = onlyValue(entries, 'backup')
  const rest = entries.filter(([key]) => key !== 'volume' && key !== 'backup')
  const target = parseTargetUrl(rest.length === 0 ? base : `${base}?${encodeQuery(rest)}`)
  return { target, volumeName, ...(backupName === undefined ? {} : { backupName }) }
}

/** As Go's `url.Values.Encode` writes it: keys sorted, a space as `+`. */
export const formatBackupUrl = (target: Target, { volumeName, backupName }: BackupAddress): string => {
  const { base, entries } = splitQuery(formatTargetUrl(target))
  const address: QueryEntry[] = [['volume', volumeName]]
  if (backupName !== undefined) address.push(['backup', backupName])
  return `${base}?${encodeQuery([...entries, ...address])}`
}

/** Longhorn's own CLI prints `&` as `\u0026`, and takes it back so. */
const unescapeShell = (text: string): string => text.replaceAll('\\u0026', '&')

const splitQuery = (text: string): { base: string; entries: QueryEntry[] } => {
  const at = text.indexOf('?')
  if (at < 0) return { base: text, entries: [] }
  try {
    return { base: text.slice(0, at), entries: decodeQuery(text.slice(at + 1)) }
  } catch (error) {
    throw invalid('has a query that cannot be decoded', error)
  }
}

const onlyValue = (entries: QueryEntry[], key: string): string | undefined => {
  const values = entries.filter(([name]) => name === key).map(([, value]) => value)
  if (values.length > 1) throw invalid(`names more than one ${key}`)
  if (values[0] === '') throw invalid(`names an empty ${key}`)
  return values[0]
}
