/**
 * @module settings: the one place of the CLI that reads the environment. What is in it for targets is checked by lib/target, for
 * S3 targets only: whatever else is set must not be in the way of a folder.
 */
import type { SettingsRecord } from '#lib/target/target-settings.ts'

/** A copy: `process.env` itself is no plain object, and zod takes no other for a record. */
export const environment = (): SettingsRecord => ({ ...process.env })

/** Where no --pool is given. */
export const defaultPool = (): string | undefined => process.env['DROVER_POOL'] || undefined
