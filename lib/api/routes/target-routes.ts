/**
 * @module target-routes: backup targets, and the secrets by which they are reached.
 */
import * as z from 'zod'
import { failureIn, indexTarget } from '#lib/backup-index/index-backups.ts'
import { forEachConcurrently } from '#lib/base/concurrency.ts'
import { CodedError } from '#lib/base/errors.ts'
import { gathered } from '#lib/base/gathered.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { Target } from '#lib/catalog/entities.ts'
import { settingValue } from '#lib/catalog/settings.ts'
import { formatTargetUrl, parseTargetUrl } from '#lib/target/target-url.ts'
import { ApiError } from '../api-error.ts'
import type { ApiDeps } from '../api-deps.ts'
import { NewTarget, ObjectName, SecretBody } from '../bodies.ts'
import { foundTarget, notFound } from '../found.ts'
import { apiRouter, jsonBody, jsonResponse, PageQuery, pageOf, routeFor, type ApiApp } from '../routing.ts'
import { IndexView, SecretView } from '../views.ts'

const targetParams = z.object({ target: ObjectName })
const secretParams = z.object({ secret: ObjectName })
const targets = catalogKeys.target('x').partition

const userOf = async ({ catalog }: ApiDeps, target: string): Promise<string | undefined> => {
  const { partition } = catalogKeys.volume('x', 'x')
  for await (const volume of catalog.volumes.all({ partition }))
    if (volume.target === target) return `${volume.cluster}/${volume.name}`
  return undefined
}

const isDefault = async ({ catalog }: ApiDeps, target: string): Promise<boolean> =>
  (await settingValue(catalog, 'default-backup-target')) === target

const requireSecret = async ({ secrets }: ApiDeps, name: string | null): Promise<void> => {
  if (name === null || (await secrets.get(name))) return
  throw new ApiError('not-found', `there is no secret ${name}`, {
    hint: `make it first: drover target secret put ${name}`,
    fields: [{ field: 'credential', message: 'names no secret' }],
  })
}

const canonical = (url: string): string => {
  try {
    return formatTargetUrl(parseTargetUrl(url))
  } catch {
    return url
  }
}

/** Under two names of one store two volumes could write to one backup volume, and neither would be seen to be the other's. */
const requireOtherStore = async ({ catalog }: ApiDeps, wanted: z.infer<typeof NewTarget>): Promise<void> => {
  for await (const { name, url, credential } of catalog.targets.all({ partition: targets })) {
    const isSame = canonical(url) === canonical(wanted.url) && credential === wanted.credential
    if (isSame && name !== wanted.name)
      throw new ApiError('exists', `target ${name} is at ${url} already`, {
        hint: 'use that one, or give this one another path',
        fields: [{ field: 'url', message: `is target ${name}'s` }],
      })
  }
}

const removedAtOnce = 16

/**
 * What is known of it, not what is in it. Safe to repeat: a volume's row goes last, by which its backups' rows are found. What a look
 * that is under way writes after it goes when a target of that name is made.
 */
const forgetBackups = async ({ catalog }: ApiDeps, target: string): Promise<void> => {
  const volumes = catalog.backupVolumes.all({ partition: catalogKeys.backupVolume(target, 'x').partition })
  for (const { name } of await gathered(volumes)) {
    const { partition } = catalogKeys.backup(target, name, 'x')
    await forEachConcurrently(
      catalog.backups.all({ partition }),
      { limit: removedAtOnce },
      async (backup) => {
        await catalog.backups.remove(catalogKeys.backup(target, name, backup.name))
      },
    )
    await catalog.backupVolumes.remove(catalogKeys.backupVolume(target, name))
  }
}

/** All of it, now. @throws ApiError `unavailable`: it could not be looked at; the target says why. */
const indexNow = async (deps: ApiDeps, target: Target): Promise<IndexView> => {
  const { catalog, clock } = deps
  const record = (failure: string | null) =>
    catalog.targets.change(
      catalogKeys.target(target.name),
      (there) => there && { ...there, indexedAt: clock.now().toISOString(), failure },
    )
  try {
    const store = await deps.openTarget(target)
    const result = await indexTarget(deps)({ target: target.name, store })
    await record(failureIn(result))
    return result
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    await record(error.message)
    throw new ApiError('unavailable', `target ${target.name} cannot be looked at: ${error.message}`, {
      cause: error,
      ...(error.hint !== undefined && { hint: error.hint }),
    })
  }
}

const secretRoutes = (deps: ApiDeps, app: ApiApp): void => {
  const { catalog, secrets } = deps
  app.openapi(
    routeFor('admin', '/v1/secrets', {
      method: 'get',
      summary: 'List secrets by name; what is in them is told to nobody',
      responses: { 200: jsonResponse('Secrets', pageOf(SecretView)) },
    }),
    async (context) => context.json({ items: (await secrets.names()).map((name) => ({ name })) }, 200),
  )
  app.openapi(
    routeFor('admin', '/v1/secrets/{secret}', {
      method: 'put',
      summary: "Keep a target's credentials, under Longhorn's names: AWS_ACCESS_KEY_ID, AWS_ENDPOINTS, …",
      request: { params: secretParams, body: jsonBody(SecretBody) },
      responses: { 200: jsonResponse('The secret, by name', SecretView) },
    }),
    async (context) => {
      const { secret: name } = context.req.valid('param')
      await secrets.put(name, context.req.valid('json'))
      return context.json({ name }, 200)
    },
  )
  app.openapi(
    routeFor('admin', '/v1/secrets/{secret}', {
      method: 'delete',
      summary: 'Delete a secret that no target uses',
      request: { params: secretParams },
      responses: { 204: { description: 'It is gone' } },
    }),
    async (context) => {
      const { secret: name } = context.req.valid('param')
      for await (const target of catalog.targets.all({ partition: targets }))
        if (target.credential === name)
          throw new ApiError('conflict', `target ${target.name} uses secret ${name}`, {
            hint: 'delete the target first',
          })
      if (!(await secrets.names()).includes(name))
        throw notFound(`secret ${name}`, 'see: drover target secret list')
      await secrets.remove(name)
      return context.body(null, 204)
    },
  )
}

export const targetRoutes = (deps: ApiDeps): ApiApp => {
  const { catalog, clock } = deps
  const app = apiRouter()
  secretRoutes(deps, app)
  app.openapi(
    routeFor('viewer', '/v1/targets', {
      method: 'get',
      summary: 'List backup targets',
      request: { query: PageQuery },
      responses: { 200: jsonResponse('Targets', pageOf(Target)) },
    }),
    async (context) => {
      const { limit, cursor } = context.req.valid('query')
      const { values, ...next } = await catalog.targets.list({ partition: targets, limit, after: cursor })
      return context.json({ items: values, ...next }, 200)
    },
  )
  app.openapi(
    routeFor('admin', '/v1/targets', {
      method: 'post',
      summary: 'Add a backup target',
      request: { body: jsonBody(NewTarget) },
      responses: { 201: jsonResponse('The target', Target) },
    }),
    async (context) => {
      const { name, url, credential } = context.req.valid('json')
      await requireSecret(deps, credential)
      await requireOtherStore(deps, { name, url, credential })
      const createdAt = clock.now().toISOString()
      const given = { name, url, credential, reachedBy: null, createdAt, indexedAt: null, failure: null }
      // Makes a folder that is not there, and refuses what cannot be opened.
      await deps.openTarget(given)
      const credentials = await deps.credentialsOf(given)
      const target: Target = { ...given, ...(credentials && { credentials }) }
      if (!(await catalog.targets.get(catalogKeys.target(name)))) await forgetBackups(deps, name)
      if (await catalog.targets.create(target)) return context.json(target, 201)
      throw new ApiError('exists', `there is a target ${name} already`, { hint: 'take another name' })
    },
  )
  app.openapi(
    routeFor('viewer', '/v1/targets/{target}', {
      method: 'get',
      summary: 'Show a backup target',
      request: { params: targetParams },
      responses: { 200: jsonResponse('The target', Target) },
    }),
    async (context) => context.json(await foundTarget(catalog, context.req.valid('param').target), 200),
  )
  app.openapi(
    routeFor('admin', '/v1/targets/{target}', {
      method: 'delete',
      summary: 'Forget a backup target; its backups stay where they are',
      request: { params: targetParams },
      responses: { 204: { description: 'It is forgotten' } },
    }),
    async (context) => {
      const { target } = context.req.valid('param')
      const user = await userOf(deps, target)
      if (user !== undefined)
        throw new ApiError('conflict', `volume ${user} is backed up to target ${target}`, {
          hint: `give the volume another target first, or none: drover volume set ${user} --no-target`,
        })
      if (await isDefault(deps, target))
        throw new ApiError('conflict', `target ${target} is the default-backup-target`, {
          hint: 'set another first, or none: drover setting reset default-backup-target',
        })
      // The target last: while it is there, what was cut off can be asked for again.
      await forgetBackups(deps, target)
      if (!(await catalog.targets.remove(catalogKeys.target(target))))
        throw notFound(`backup target ${target}`, 'see: drover target list')
      return context.body(null, 204)
    },
  )
  app.openapi(
    routeFor('operator', '/v1/targets/{target}/index', {
      method: 'post',
      summary: 'Look at all of a target now: the catalog is made what the backupstore holds',
      request: { params: targetParams },
      responses: {
        200: jsonResponse('What was found', IndexView),
        202: jsonResponse('The target: its indexedAt changes when the look is over', Target),
      },
    }),
    async (context) => {
      const target = await foundTarget(catalog, context.req.valid('param').target)
      if (!deps.askForLook) return context.json(await indexNow(deps, target), 200)
      await deps.askForLook(target.name)
      return context.json(target, 202)
    },
  )
  return app
}
