/**
 * @module labels: the labels of a backup or a snapshot, by the rules of Kubernetes and of Longhorn's manager.
 * Source: `longhorn manager util/util.go` ValidateSnapshotLabels;
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
 */
import type { Labels } from '#lib/backupstore/go-json.ts'
import { UsageError } from './usage-error.ts'

const namePattern = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/
const prefixPattern = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/

/** Longhorn's own two; and the one by which a volume counts as encrypted, which nothing backed up here is. */
const reservedKeys: readonly string[] = ['KubernetesStatus', 'ranchervm-base-image', 'volume-encrypted']

/** Longhorn leaves a backup without any label in a state where no standby volume can be made of it. */
const accessMode = { 'longhorn.io/volume-access-mode': 'rwo' }

const isQualifiedName = (key: string): boolean => {
  const parts = key.split('/')
  const name = parts.pop() ?? ''
  return namePattern.test(name) && parts.length <= 1 && parts.every((prefix) => prefixPattern.test(prefix))
}

const invalid = (text: string, what: string, hint: string): UsageError =>
  new UsageError('invalid-label', `label ${JSON.stringify(text.slice(0, 200))} ${what}`, { hint })

const parseLabel = (text: string): [key: string, value: string] => {
  const at = text.indexOf('=')
  const [key, value] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)]
  if (at < 0 || value === '') throw invalid(text, 'has no value', 'write --label <key>=<value>')
  if (!isQualifiedName(key)) {
    const rule =
      'a key has up to 63 letters, digits, "-", "_" and ".", begins and ends with a letter or digit, and may have a domain and "/" before it'
    throw invalid(text, 'has an invalid key', rule)
  }
  if (reservedKeys.includes(key))
    throw invalid(text, 'has a key that Longhorn keeps for itself', 'choose another key')
  return [key, value]
}

/** @throws UsageError `invalid-label`. */
export const parseLabels = (texts: readonly string[]): Record<string, string> => {
  const labels = new Map<string, string>()
  for (const text of texts) {
    const [key, value] = parseLabel(text)
    if (labels.has(key)) throw invalid(text, 'has a key that was given before', 'give each key once')
    labels.set(key, value)
  }
  return Object.fromEntries(labels)
}

/** @throws UsageError `invalid-label`. */
export const parseBackupLabels = (texts: readonly string[]): Labels => ({
  ...accessMode,
  ...parseLabels(texts),
})
