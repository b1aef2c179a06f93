/**
 * @module settings: the one place of the CLI that reads the environment: the credentials of S3 targets.
 */
import { readTargetSettings, type TargetSettings } from '#lib/target/target-settings.ts'

/** Called for S3 targets only: whatever else is set must not be in the way of a folder. @throws TargetError `invalid-settings`. */
export const targetSettings = (): TargetSettings => readTargetSettings(process.env)
