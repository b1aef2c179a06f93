/**
 * @module vend-access: the control plane gives who performs an operation what it needs to reach the target: where that can be had,
 * credentials for this one operation, which end within the hour, and never the secret's own.
 */
import type { Target } from '#lib/catalog/entities.ts'
import type { Session } from '#lib/target/sts-sessions.ts'
import type { SettingsRecord } from '#lib/target/target-settings.ts'
import type { TargetAccess } from './node-messages.ts'
import { operationReach, type TargetOperation } from './operation-reach.ts'
import {
  knownTarget,
  sessionFor,
  type KnownTarget,
  type TargetCredentialsDeps,
  type TargetCredentialsSettings,
} from './target-credentials.ts'

/** How the store is reached, whoever asks. */
const ofTheStore = ['AWS_ENDPOINTS', 'AWS_CERT', 'VIRTUAL_HOSTED_STYLE'] as const
const ofTheWay = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'] as const

const only = (record: SettingsRecord, names: readonly string[]): SettingsRecord =>
  Object.fromEntries(names.flatMap((name) => (record[name] ? [[name, record[name]]] : [])))

/** Without a secret the proxies are the control plane's own. */
const accessBy = ({ row, record }: KnownTarget, session: Session): TargetAccess => ({
  url: row.url,
  settings: {
    ...only(record, row.credential === null ? ofTheStore : [...ofTheStore, ...ofTheWay]),
    AWS_ACCESS_KEY_ID: session.accessKeyId,
    AWS_SECRET_ACCESS_KEY: session.secretAccessKey,
    AWS_SESSION_TOKEN: session.sessionToken,
  },
  expiresAt: session.expiration.toISOString(),
})

/** What the secret has, or what its machine has for itself: never what the control plane has. */
const unnarrowed = ({ row, url, record }: KnownTarget): TargetAccess => ({
  url: row.url,
  settings: row.credential === null || url.kind !== 's3' ? {} : { ...record },
  expiresAt: null,
})

export type VendAccess = (row: Target, operation: TargetOperation) => Promise<TargetAccess>

/** @throws TargetError, also when a store that narrows keys does not answer: the keys themselves are no way out. */
export const vendAccess =
  (deps: TargetCredentialsDeps, settings: TargetCredentialsSettings): VendAccess =>
  async (row, operation) => {
    const { id, kind, node, parameters } = operation
    const about = { operation: id, kind, node, target: row.name, backupVolume: parameters.backupVolume }
    try {
      const known = await knownTarget(deps, settings, row)
      const wanted = { reach: operationReach(operation), name: `${kind}.${id}`, isLook: false }
      const session = await sessionFor(deps, known, wanted)
      const access = session ? accessBy(known, session) : unnarrowed(known)
      if (session) deps.log.info('credentials vended', { ...about, expiresAt: access.expiresAt })
      else if (access.settings['AWS_ACCESS_KEY_ID'] !== undefined)
        deps.log.warn('credentials vended that are not for this operation alone', {
          ...about,
          hint: 'drover target show tells why',
        })
      return access
    } catch (error) {
      deps.log.warn('credentials not vended', { ...about, error: String(error) })
      throw error
    }
  }
