/**
 * @module reach-targets: how the control plane itself reaches targets: to look at all of one, and to perform an operation. Narrowed
 * to that where it can be; credentials are asked for at the first request, and again 5 minutes before they end.
 */
import type { Clock } from '#lib/base/clock.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { Target } from '#lib/catalog/entities.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { openTarget } from '#lib/target/open-target.ts'
import { renewedCredentials, type EndingCredentials } from '#lib/target/renewed-credentials.ts'
import { TargetError } from '#lib/target/target-error.ts'
import { indexReach, isOnTarget, operationReach } from './operation-reach.ts'
import {
  knownTarget,
  sessionFor,
  type KnownTarget,
  type SessionFor,
  type TargetCredentialsDeps,
  type TargetCredentialsSettings,
} from './target-credentials.ts'

export interface ReachTargetsDeps extends TargetCredentialsDeps {
  clock: Clock
}

export interface ReachTargets {
  /** Kept open, with its connections and its session, until its URL or its credentials change. */
  openTarget: (row: Target) => Promise<ObjectStore>
  /** @throws TargetError, CatalogError. */
  openForOperation: (operationId: string, target: string) => Promise<{ store: ObjectStore; url: string }>
}

/** After which keys that no STS narrowed are asked about once more. */
const lookAgainMs = 3600_000

const mayComeRight = (error: unknown): boolean =>
  error instanceof TargetError && error.code === 'sts-unavailable'

/** Those of a store that narrows none are its secret's own. */
const askFor =
  (deps: ReachTargetsDeps, known: KnownTarget, wanted: SessionFor) =>
  async (): Promise<EndingCredentials> => {
    const { row, settings } = known
    const fresh = await deps.catalog.targets.get(catalogKeys.target(row.name))
    const session = await sessionFor(deps, { ...known, row: fresh ?? row }, wanted)
    if (session) return session
    if (!settings.keys) throw new Error(`backup target ${row.name} has neither a session nor keys`)
    const { accessKeyId, secretAccessKey, sessionToken } = settings.keys
    const expiration = new Date(deps.clock.now().getTime() + lookAgainMs)
    return { accessKeyId, secretAccessKey, expiration, ...(sessionToken !== undefined && { sessionToken }) }
  }

const credentialsOf = (deps: ReachTargetsDeps, known: KnownTarget, wanted: SessionFor) => {
  const { kind } = known.narrowing
  return kind === 'role' || kind === 'store'
    ? renewedCredentials({ ...deps, mayComeRight, ask: askFor(deps, known, wanted) })
    : undefined
}

const openBy = async (deps: ReachTargetsDeps, known: KnownTarget, wanted: SessionFor): Promise<ObjectStore> =>
  openTarget(known.url, {
    env: known.record,
    clock: deps.clock,
    // A folder is made when its target is new; one that is gone later was on a share that is not mounted.
    createFolder: known.row.indexedAt === null,
    credentials: credentialsOf(deps, known, wanted),
  })

const rowOf = async ({ catalog }: ReachTargetsDeps, name: string): Promise<Target> => {
  const row = await catalog.targets.get(catalogKeys.target(name))
  if (row) return row
  throw new Error(`there is no backup target ${name} any more`)
}

export interface ReachTargetsSettings extends TargetCredentialsSettings {
  /** `false`: it runs in a function, whose folders go with it. */
  hasFolders?: boolean | undefined
}

const noFolder = (name: string): TargetError =>
  new TargetError(
    'unsupported',
    `backup target ${name} is a folder, and where this service runs no folder stays`,
    {
      hint: 'give it a bucket: s3://<bucket>@<region>/<path>/',
    },
  )

export const reachTargets = (deps: ReachTargetsDeps, settings: ReachTargetsSettings): ReachTargets => {
  const knownOf = async (row: Target): Promise<KnownTarget> => {
    const known = await knownTarget(deps, settings, row)
    if (known.url.kind === 'folder' && settings.hasFolders === false) throw noFolder(row.name)
    return known
  }
  const opened = new Map<string, { by: string; store: ObjectStore }>()
  return {
    openTarget: async (row) => {
      const known = await knownOf(row)
      const { name, url, credential } = row
      const by = JSON.stringify([url, credential, credential === null ? null : known.record])
      const before = opened.get(name)
      if (before?.by === by) return before.store
      const store = await openBy(deps, known, { reach: indexReach, name: `index.${name}`, isLook: true })
      if (known.url.kind === 's3') opened.set(name, { by, store })
      return store
    },
    openForOperation: async (operationId, target) => {
      const operation = await deps.catalog.operations.get(catalogKeys.operation(operationId))
      if (!operation || !isOnTarget(operation) || operation.parameters.target !== target)
        throw new Error(`there is no operation ${operationId} on backup target ${target}`)
      const row = await rowOf(deps, target)
      const known = await knownOf(row)
      const name = `${operation.kind}.${operationId}`
      const store = await openBy(deps, known, { reach: operationReach(operation), name, isLook: false })
      return { store, url: row.url }
    },
  }
}
