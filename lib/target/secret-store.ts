/**
 * @module secret-store: the port to where credentials are kept, by name: a 0600 file, Secrets Manager. Everything else has their names alone.
 *
 * What is kept was checked first, and is a copy. Contract: secret-store.contract.ts.
 */
import { SecretStoreError } from './secret-store-error.ts'
import { readTargetSettings, type SettingsRecord } from './target-settings.ts'

export interface SecretStore {
  /** Longhorn's keys (AWS_ACCESS_KEY_ID, …) and their values. */
  get(name: string): Promise<SettingsRecord | undefined>
  /** @throws SecretStoreError `invalid-name`, TargetError `invalid-settings`. */
  put(name: string, settings: SettingsRecord): Promise<void>
  /** Nothing there is fine. */
  remove(name: string): Promise<void>
  /** Sorted. */
  names(): Promise<string[]>
}

/** As Kubernetes names its secrets. */
const namePattern = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/

export const isSecretName = (name: string): boolean => namePattern.test(name)

/** What may be kept: without what is not set. @throws SecretStoreError `invalid-name`, TargetError `invalid-settings`. */
export const checkedSecret = (name: string, settings: SettingsRecord): Record<string, string> => {
  if (!isSecretName(name))
    throw new SecretStoreError(
      'invalid-name',
      `invalid name ${JSON.stringify(name.slice(0, 80))} of a secret`,
      {
        hint: 'it has lower case letters, digits, "-" and ".", at most 253',
      },
    )
  readTargetSettings(settings)
  return Object.fromEntries(
    Object.entries(settings).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  )
}
