/**
 * @module secret-store: the port to where credentials are kept, by name: a 0600 file, Secrets Manager. Everything else has their names alone.
 */
import type { SettingsRecord } from './target-settings.ts'

export interface SecretStore {
  /** Longhorn's keys (AWS_ACCESS_KEY_ID, …) and their values. */
  get(name: string): Promise<SettingsRecord | undefined>
  put(name: string, settings: SettingsRecord): Promise<void>
  /** Nothing there is fine. */
  remove(name: string): Promise<void>
  names(): Promise<string[]>
}
