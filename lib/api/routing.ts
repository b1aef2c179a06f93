/**
 * @module routing: what every route of the API has in common: who may, what errors look like, how pages are asked for.
 */
import { createHash } from 'node:crypto'
import { createRoute, OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import type { Context, MiddlewareHandler } from 'hono'
import * as z from 'zod'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { ApiError, type FieldFault } from './api-error.ts'
import type { ApiDeps } from './api-deps.ts'
import { mayAct, type Principal, type Role } from './principal.ts'
import { Problem, problemOf, problemType } from './problem.ts'

export interface ApiEnv {
  Variables: { principal: Principal }
}

export type ApiApp = OpenAPIHono<ApiEnv>
export type ApiContext = Context<ApiEnv>

const problemContent = { content: { [problemType]: { schema: Problem } } }

const errorResponses = {
  400: { description: 'What was sent is not what the route takes', ...problemContent },
  401: { description: 'No token, or not a valid one', ...problemContent },
  403: { description: "The token's role may not do this", ...problemContent },
  404: { description: 'There is no such thing', ...problemContent },
  409: { description: 'What is there does not allow it', ...problemContent },
  500: { description: 'The service failed', ...problemContent },
} as const

const howToGet = (role: Role): string => {
  if (role === 'join') return 'make one with: drover node token'
  return role === 'node'
    ? 'a node gets it when it joins'
    : `make one with: drover token create <name> --role ${role}`
}

const requireRole =
  (role: Role): MiddlewareHandler<ApiEnv> =>
  async (context, next) => {
    const principal = context.get('principal')
    if (!mayAct(principal, role))
      throw new ApiError('forbidden', `role ${principal.role} may not do this`, {
        hint: `it takes a token of role ${role}; ${howToGet(role)}`,
      })
    await next()
  }

/** The validator takes a body of another type for none, and so for an empty one. */
const requireJson: MiddlewareHandler<ApiEnv> = async ({ req }, next) => {
  if (!/^application\/([\w.-]+\+)?json *(;|$)/i.test(req.header('content-type') ?? ''))
    throw new ApiError('invalid-request', 'body: is not said to be JSON', {
      hint: 'send JSON, with the header: Content-Type: application/json',
      fields: [{ field: 'content-type', message: 'is not application/json' }],
    })
  await next()
}

/** A route that takes a token of at least this role; the OpenAPI document tells it as `x-role`. */
export const routeFor = <const Path extends string, const Config extends Omit<RouteConfig, 'path'>>(
  role: Role,
  path: Path,
  config: Config,
) =>
  createRoute({
    ...config,
    path,
    security: [{ token: [] }],
    'x-role': role,
    middleware: [requireRole(role), ...(config.request?.body ? [requireJson] : [])] as const,
    responses: { ...errorResponses, ...config.responses },
  })

export const jsonBody = <Schema extends z.ZodType>(schema: Schema) => ({
  content: { 'application/json': { schema } },
  required: true as const,
})

export const jsonResponse = <Schema extends z.ZodType>(description: string, schema: Schema) => ({
  description,
  content: { 'application/json': { schema } },
})

export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe('Items in a page'),
  cursor: z.string().min(1).optional().describe('What the page before gave as `next`'),
})
export type PageQuery = z.infer<typeof PageQuery>

export const pageOf = <Schema extends z.ZodType>(schema: Schema) =>
  z.object({ items: z.array(schema), next: z.string().optional().describe('Absent: that was the last page') })

const fieldOf = (path: readonly PropertyKey[]): string => path.map(String).join('.')

const unitsOf: Record<string, string> = { string: 'characters', array: 'items' }
const beyond = (origin: string, [isBeyond, hasBeyond]: [string, string], limit: number | bigint): string => {
  const unit = unitsOf[origin]
  return unit === undefined ? `${isBeyond} than ${limit}` : `${hasBeyond} than ${limit} ${unit}`
}

/** The schema library's own words name its types: what a field must be is said in ours, as what it is. */
const wordsOf = (issue: z.core.$ZodIssue): string => {
  if (!/^(?:Invalid|Too) /.test(issue.message)) return issue.message
  if (issue.code === 'invalid_type')
    return issue.message.endsWith('received undefined')
      ? 'is missing'
      : `is no ${issue.expected === 'int' ? 'whole number' : issue.expected}`
  if (issue.code === 'invalid_value') return `is none of ${issue.values.map(String).join(', ')}`
  if (issue.code === 'too_small') return beyond(issue.origin, ['is less', 'has fewer'], issue.minimum)
  if (issue.code === 'too_big') return beyond(issue.origin, ['is more', 'has more'], issue.maximum)
  return issue.message
}

/** One that begins with its verb is about the field; another may name what the field is for. */
const sentenceOf = ({ field, message }: FieldFault): string => {
  if (/^(?:is|has|was) /.test(message)) return `${field} ${message}`
  return message.toLowerCase().includes(field.toLowerCase()) ? message : `${field}: ${message}`
}

/** `where`: the field of a fault of the whole. */
export const faultsOf = ({ issues }: Pick<z.ZodError, 'issues'>, where = 'body'): FieldFault[] =>
  issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ field: fieldOf([...issue.path, key]), message: 'is not known here' }))
      : [{ field: fieldOf(issue.path) || where, message: wordsOf(issue) }],
  )

const places: Record<string, string> = {
  param: 'path',
  query: 'query',
  header: 'headers',
  json: 'body',
  form: 'body',
  cookie: 'cookies',
}

/** A router whose refusals are ours. Each group of routes is one; app.ts puts them together. */
export const apiRouter = (): ApiApp =>
  new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (result.success) return
      const where = places[result.target] ?? result.target
      const fields = faultsOf(result.error, where)
      throw new ApiError('invalid-request', `${where}: ${fields.map(sentenceOf).join('; ')}`, {
        fields,
        hint: 'what is taken is in the API document, /openapi.json, and in the help of the command',
      })
    },
  })

export const sendProblem = (context: Context, error: unknown): Response => {
  const problem = problemOf(error)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one of the statuses in problem.ts
  return context.body(JSON.stringify(problem), problem.status as 400, { 'content-type': problemType })
}

export const tokenHash = (token: string): string => createHash('sha256').update(token).digest('hex')

export const bearerToken = ({ req }: Context): string | undefined =>
  /^Bearer ([\x21-\x7e]{1,512})$/i.exec(req.header('authorization') ?? '')?.[1]

/** Finds who a request is of by its bearer token. @throws ApiError `unauthenticated`. */
export const authenticate =
  ({ catalog, clock }: Pick<ApiDeps, 'catalog' | 'clock'>): MiddlewareHandler<ApiEnv> =>
  async (context, next) => {
    const token = bearerToken(context)
    if (token === undefined)
      throw new ApiError('unauthenticated', 'no access token was given', {
        hint: 'send it as the header: Authorization: Bearer TOKEN',
      })
    const known = await catalog.tokens.get(catalogKeys.token(tokenHash(token)))
    if (!known)
      throw new ApiError('unauthenticated', 'the access token is not known', {
        hint: 'it may have been deleted; make another with: drover token create',
      })
    if (known.expiresAt !== null && Date.parse(known.expiresAt) <= clock.now().getTime())
      throw new ApiError('unauthenticated', `the access token expired at ${known.expiresAt}`, {
        hint: 'make another with: drover token create',
      })
    const { name, role, node, cluster } = known
    context.set('principal', { name, role, node, cluster })
    await next()
  }
