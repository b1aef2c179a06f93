/**
 * @module settings: what can be set for all of a control plane: by name, with its default. Names are Longhorn's where it has them.
 */
import * as z from 'zod'
import { catalogKeys } from './catalog-keys.ts'
import type { Catalog } from './catalog.ts'

export const settingSchemas = {
  /** Of volumes that are made without one. */
  'default-backup-target': z.string().nullable(),
  /** How often all of each target is looked at, in seconds; 0: only when something tells that it changed. */
  'backupstore-poll-interval': z.int().min(0).max(86_400),
} satisfies Record<string, z.ZodType>

export type SettingName = keyof typeof settingSchemas
export type SettingValue<Name extends SettingName> = z.infer<(typeof settingSchemas)[Name]>

export type SettingDefaults = { readonly [Name in SettingName]: SettingValue<Name> }

export const settingDefaults: SettingDefaults = {
  'default-backup-target': null,
  'backupstore-poll-interval': 60,
}

export const isSettingName = (name: string): name is SettingName => Object.hasOwn(settingSchemas, name)

/** Where a bucket tells of its backups by itself: each look lists folders, which costs, and only finds what no event told. */
export const settingDefaultsWithEvents: SettingDefaults = {
  ...settingDefaults,
  'backupstore-poll-interval': 3600,
}

/** What was set, or the default. */
export const settingValue = async <Name extends SettingName>(
  { settings }: Pick<Catalog, 'settings'>,
  name: Name,
  defaults: SettingDefaults = settingDefaults,
): Promise<SettingValue<Name>> => {
  const set = await settings.get(catalogKeys.setting(name))
  const read = set && settingSchemas[name].safeParse(set.value)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- read by the schema of this name
  return read?.success ? (read.data as SettingValue<Name>) : defaults[name]
}
