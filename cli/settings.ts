/**
 * @module settings: the one place of the CLI that reads the environment. What is in it for targets is checked by lib/target, for
 * S3 targets only: whatever else is set must not be in the way of a folder.
 */
import type { SettingsRecord } from '#lib/target/target-settings.ts'

/** A copy: `process.env` itself is no plain object, and zod takes no other for a record. */
export const environment = (): SettingsRecord => ({ ...process.env })

/** The SDK reads it by itself: for what is told of it. */
export const awsProfile = (): string | undefined => process.env['AWS_PROFILE'] || undefined

/** Where no --pool is given. */
export const defaultPool = (): string | undefined => process.env['DROVER_POOL'] || undefined

/** Where no --url is given. */
export const serviceUrl = (): string | undefined => process.env['DROVER_URL'] || undefined

export const accessToken = (): string | undefined => process.env['DROVER_TOKEN'] || undefined

/** Of a node that joins. */
export const givenJoinToken = (): string | undefined => process.env['DROVER_JOIN_TOKEN'] || undefined

/** Of a service on this machine. */
export const dataFolder = (): string => process.env['DROVER_DATA'] || '.drover'

/** Where no --cluster is given. */
export const givenCluster = (): string | undefined => process.env['DROVER_CLUSTER'] || undefined
