/**
 * @module targets: backup targets, their secrets in Secrets Manager, and who may reach them: by a session for what is to be done, of
 * the role in the target's secret, or of the stack's own.
 */
import { reachTargets } from '#lib/api/reach-targets.ts'
import { targetCredentials } from '#lib/api/target-credentials.ts'
import { vendAccess } from '#lib/api/vend-access.ts'
import { secretsManagerClient } from '#lib/target/secrets-manager-client.ts'
import { secretsManagerSecretStore } from '#lib/target/secrets-manager-secret-store.ts'
import { stsSessions } from '#lib/target/sts-sessions.ts'
import { catalog } from './catalog-on-dynamodb.ts'
import { clock, log } from './invocation.ts'
import { setting } from './settings.ts'

const prefix = setting('DROVER_SECRET_PREFIX')

export const secrets = secretsManagerSecretStore(
  { client: secretsManagerClient(), clock },
  { prefix, tags: { 'drover:stack': prefix.slice(0, -1) } },
)

const deps = { catalog, secrets, sessions: stsSessions(), clock, log }
/** A function's own credentials are its role's: they come from the SDK's chain, never from here. */
const settings = { env: {}, defaultRoleArn: setting('DROVER_BACKUP_ROLE_ARN'), hasFolders: false }

export const { openTarget, openForOperation } = reachTargets(deps, settings)
export const vend = vendAccess(deps, settings)
export const credentialsOf = targetCredentials(deps, settings)
