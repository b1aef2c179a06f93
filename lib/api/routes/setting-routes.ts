/**
 * @module setting-routes: settings of the whole, access tokens, and what tells that a store has changed.
 */
import * as z from 'zod'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import {
  isSettingName,
  settingDefaults,
  settingSchemas,
  settingValue,
  type SettingName,
} from '#lib/catalog/settings.ts'
import { ApiError } from '../api-error.ts'
import type { ApiDeps } from '../api-deps.ts'
import { NewToken, ObjectName, SettingBody } from '../bodies.ts'
import { notFound } from '../found.ts'
import { newToken } from '../new-token.ts'
import {
  apiRouter,
  faultsOf,
  jsonBody,
  jsonResponse,
  PageQuery,
  pageOf,
  routeFor,
  type ApiApp,
} from '../routing.ts'
import { NewTokenView, SettingView, tokenView, TokenView } from '../views.ts'

const settingParams = z.object({ setting: z.string().min(1).max(200) })
const tokenParams = z.object({ token: z.string().regex(/^[0-9a-f]{16}$/, "is a token's id: 16 hex digits") })
const tokens = catalogKeys.token('x').partition

const requireSetting = (name: string): SettingName => {
  if (isSettingName(name)) return name
  throw notFound(`setting ${name}`, `there are: ${Object.keys(settingDefaults).join(', ')}`)
}

/** @throws ApiError: all volumes made without a target would be refused. */
const requireDefaultTarget = async ({ catalog }: ApiDeps, target: string): Promise<void> => {
  if (ObjectName.safeParse(target).success && (await catalog.targets.get(catalogKeys.target(target)))) return
  throw new ApiError('not-found', `there is no backup target ${target}`, {
    hint: 'see: drover target list',
    fields: [{ field: 'value', message: 'names no backup target' }],
  })
}

const settingRoutesOf = (deps: ApiDeps, app: ApiApp): void => {
  const { catalog, settingDefaults: defaults = settingDefaults } = deps
  const view = async (name: SettingName): Promise<SettingView> => ({
    name,
    value: await settingValue(catalog, name, defaults),
  })
  app.openapi(
    routeFor('viewer', '/v1/settings', {
      method: 'get',
      summary: 'List settings',
      responses: { 200: jsonResponse('Settings', pageOf(SettingView)) },
    }),
    async (context) => {
      const names = Object.keys(settingDefaults).filter(isSettingName)
      return context.json({ items: await Promise.all(names.map(view)) }, 200)
    },
  )
  app.openapi(
    routeFor('viewer', '/v1/settings/{setting}', {
      method: 'get',
      summary: 'Show a setting',
      request: { params: settingParams },
      responses: { 200: jsonResponse('The setting', SettingView) },
    }),
    async (context) => context.json(await view(requireSetting(context.req.valid('param').setting)), 200),
  )
  app.openapi(
    routeFor('admin', '/v1/settings/{setting}', {
      method: 'put',
      summary: 'Change a setting',
      request: { params: settingParams, body: jsonBody(SettingBody) },
      responses: { 200: jsonResponse('The setting', SettingView) },
    }),
    async (context) => {
      const name = requireSetting(context.req.valid('param').setting)
      const read = settingSchemas[name].safeParse(context.req.valid('json').value)
      if (!read.success) {
        const fields = faultsOf(read.error).map(({ message }) => ({ field: 'value', message }))
        const message = fields.map((fault) => fault.message).join('; ')
        throw new ApiError('invalid-request', `setting ${name}: ${message}`, {
          fields,
          hint: `its default is ${JSON.stringify(defaults[name])}`,
        })
      }
      const value = read.data
      if (name === 'default-backup-target' && typeof value === 'string')
        await requireDefaultTarget(deps, value)
      await catalog.settings.change(catalogKeys.setting(name), () => ({ name, value }))
      return context.json(await view(name), 200)
    },
  )
  app.openapi(
    routeFor('admin', '/v1/settings/{setting}', {
      method: 'delete',
      summary: 'Put a setting back to its default',
      request: { params: settingParams },
      responses: { 200: jsonResponse('The setting', SettingView) },
    }),
    async (context) => {
      const name = requireSetting(context.req.valid('param').setting)
      await catalog.settings.remove(catalogKeys.setting(name))
      return context.json(await view(name), 200)
    },
  )
}

const tokenRoutesOf = (deps: ApiDeps, app: ApiApp): void => {
  const { catalog } = deps
  app.openapi(
    routeFor('admin', '/v1/tokens', {
      method: 'get',
      summary: 'List access tokens; the tokens themselves are kept nowhere',
      request: { query: PageQuery },
      responses: { 200: jsonResponse('Tokens', pageOf(TokenView)) },
    }),
    async (context) => {
      const { limit, cursor } = context.req.valid('query')
      const { values, ...next } = await catalog.tokens.list({ partition: tokens, limit, after: cursor })
      return context.json({ items: values.map(tokenView), ...next }, 200)
    },
  )
  app.openapi(
    routeFor('admin', '/v1/tokens', {
      method: 'post',
      summary: 'Make an access token',
      request: { body: jsonBody(NewToken) },
      responses: { 201: jsonResponse('The token, shown once', NewTokenView) },
    }),
    async (context) => context.json(await newToken(deps, context.req.valid('json')), 201),
  )
  app.openapi(
    routeFor('admin', '/v1/tokens/{token}', {
      method: 'delete',
      summary: 'Delete an access token: it is worth nothing from then on',
      request: { params: tokenParams },
      responses: { 204: { description: 'It is gone' } },
    }),
    async (context) => {
      const { token: id } = context.req.valid('param')
      const { values } = await catalog.tokens.list({ partition: tokens, sortPrefix: id, limit: 1 })
      const [found] = values
      if (!found || !(await catalog.tokens.remove(catalogKeys.token(found.hash))))
        throw notFound(`access token ${id}`, 'see: drover token list')
      return context.body(null, 204)
    },
  )
}

export const settingRoutes = (deps: ApiDeps): ApiApp => {
  const app = apiRouter()
  settingRoutesOf(deps, app)
  tokenRoutesOf(deps, app)
  app.openapi(
    routeFor('operator', '/v1/object-events', {
      method: 'post',
      summary:
        "Tell that objects of a backup target were written: S3's notifications, as MinIO's webhook sends them",
      request: { body: jsonBody(z.record(z.string(), z.unknown())) },
      responses: { 204: { description: 'It was taken' } },
    }),
    async (context) => {
      await deps.onObjectEvent(context.req.valid('json'))
      return context.body(null, 204)
    },
  )
  return app
}
