import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { Role } from '#lib/api/principal.ts'
import { Problem, problemType } from '#lib/api/problem.ts'
import { tokenHash } from '#lib/api/routing.ts'
import { MiB } from '#lib/base/sizes.ts'
import { roles } from '#lib/catalog/entities.ts'
import { apiWorld, type ApiWorld } from './api-world.ts'
import { faultsFor, JsonSchema, sampleOf } from './json-schema-faults.ts'
import { queuedOperation } from './queued-operation.ts'

/** As the OpenAPI document tells it: a route that is new there is walked like the others. */
const Route = z.object({
  'x-role': z.enum(roles),
  security: z.array(z.looseObject({ token: z.array(z.string()) })),
  parameters: z
    .array(z.object({ name: z.string(), in: z.enum(['path', 'query', 'header']), schema: JsonSchema }))
    .default([]),
  requestBody: z
    .object({
      required: z.literal(true),
      content: z.object({ 'application/json': z.object({ schema: JsonSchema }) }),
    })
    .optional(),
})
const Paths = z.record(z.string().startsWith('/v1/'), z.record(z.string(), Route))

interface Walked {
  method: string
  path: string
  role: Role
  parameters: z.infer<typeof Route>['parameters']
  body: JsonSchema | undefined
}

const { body: document } = await (await apiWorld()).answer('/openapi.json')
const { paths } = z.object({ paths: z.record(z.string(), z.unknown()) }).parse(document)
const routes: Walked[] = Object.entries(Paths.parse(paths)).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, route]) => ({
    method: method.toUpperCase(),
    path,
    role: route['x-role'],
    parameters: route.parameters,
    body: route.requestBody?.content['application/json'].schema,
  })),
)
const named = routes.map((route) => [`${route.method} ${route.path}`, route] as const)

/** Who may do what takes a role; said here again, since the service's own table is what is looked at. */
const allowed: Record<Role, readonly Role[]> = {
  viewer: ['viewer', 'operator', 'admin'],
  operator: ['operator', 'admin'],
  admin: ['admin'],
  node: ['node'],
  join: ['join'],
}

/** Of these, what is asked for need not be there: the answer says so, and is none of refusal. */
const answersUnknown: readonly string[] = ['POST /v1/node/operations/{id}/begin']

const Refusal = Problem.extend({
  hint: z.string().min(1),
  code: z.string().min(1),
  detail: z.string().min(1),
})
type Refusal = z.infer<typeof Refusal>

describe('every route of the API', () => {
  let world: ApiWorld
  let known: Record<string, string>
  let before: string

  /** One of each thing that a path names. */
  const seedMore = async (): Promise<void> => {
    const { things, deps } = world
    const at = '2026-01-01T00:00:00Z'
    await things.backupVolumes.create({
      target: 'nas',
      name: 'web',
      sizeBytes: MiB,
      lastBackupName: 'backup-one',
      lastBackupAt: at,
      createdAt: at,
    })
    await things.backups.create({
      target: 'nas',
      volume: 'web',
      name: 'backup-one',
      snapshotName: 'snap-one',
      snapshotCreatedAt: at,
      createdAt: at,
      sizeBytes: MiB,
      newlyUploadedBytes: MiB,
      labels: {},
      isIncremental: false,
      obstacle: null,
    })
    await things.operations.create(queuedOperation)
    await deps.secrets.put('keys', {})
    await world.client('admin').jobs.put('daily', { task: 'backup', cron: '0 2 * * *', retain: 1 })
  }
  beforeAll(async () => {
    world = await apiWorld()
    await seedMore()
    known = {
      cluster: 'primary',
      node: 'node-1',
      volume: 'web',
      snapshot: 'snap-one',
      target: 'nas',
      backupVolume: 'web',
      backup: 'backup-one',
      operation: 'op-1',
      id: 'op-1',
      secret: 'keys',
      job: 'daily',
      setting: 'backupstore-poll-interval',
      token: tokenHash(world.tokens.viewer).slice(0, 16),
    }
  })
  beforeEach(async () => {
    before = await world.snapshotOfAll()
  })

  const pathOf = ({ path }: Walked, wrong: Record<string, string> = {}): string =>
    path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(wrong[name] ?? known[name] ?? `there is no example of ${name}`),
    )
  interface Sent {
    path?: string
    query?: string
    token?: string | undefined
    headers?: Record<string, string>
    /** As text. */
    body?: string
  }
  const send = (route: Walked, { path = pathOf(route), query = '', token, headers, body }: Sent) =>
    world.answer(path + query, {
      method: route.method,
      ...(token !== undefined && { token }),
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body }),
    })
  /** Sends it, and sees that it is refused in our words and has changed nothing. */
  const refused = async (route: Walked, sent: Sent, statuses: readonly number[]): Promise<Refusal> => {
    const { status, type, body } = await send(route, sent)
    const read = Refusal.safeParse(body)
    const what = JSON.stringify(sent).slice(0, 300)
    expect({ what, status, type, body, problem: read.error?.message }).toMatchObject({
      status: expect.toBeOneOf([...statuses]),
      type: problemType,
      problem: undefined,
    })
    expect({ what, after: await world.snapshotOfAll() }).toEqual({ what, after: before })
    const problem = Refusal.parse(body)
    expect(problem.status).toBe(status)
    return problem
  }
  const fieldsOf = ({ errors = [] }: Refusal): string[] => errors.map(({ field }) => field)
  const valid = ({ body }: Walked): Pick<Sent, 'body'> =>
    body === undefined ? {} : { body: JSON.stringify(sampleOf(body)) }
  const entitled = (route: Walked): string => world.tokens[route.role]

  it('is in the document, with the role that it takes', () => {
    const served = world.app.routes
      .filter(({ method, path }) => method !== 'ALL' && path.startsWith('/v1/'))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
    expect(new Set(served)).toEqual(new Set(routes.map(({ method, path }) => `${method} ${path}`)))
    expect(routes.length).toBeGreaterThan(50)
  })

  it.each(named)('%s refuses who is not known', async (_, route) => {
    const { expired } = world.tokens
    for (const sent of [
      {},
      { token: 'drover_unknown' },
      { token: expired },
      { headers: { authorization: `Basic ${world.tokens.admin}` } },
      { headers: { authorization: 'Bearer ' } },
      { headers: { authorization: world.tokens.admin } },
    ]) {
      const { code } = await refused(route, { ...valid(route), ...sent }, [401])
      expect(code).toBe('unauthenticated')
    }
  })

  it.each(named)('%s refuses every other role', async (_, route) => {
    for (const role of roles.filter((each) => !allowed[route.role].includes(each))) {
      const token = world.tokens[role]
      const { code, detail } = await refused(route, { ...valid(route), token }, [403])
      expect({ code, detail }).toEqual({ code: 'forbidden', detail: expect.stringContaining(role) })
    }
  })

  it.each(named.filter(([, { method }]) => method === 'GET'))('%s answers whoever may', async (_, route) => {
    for (const role of allowed[route.role]) {
      const { status } = await send(route, { token: world.tokens[role] })
      expect({ role, status }).toEqual({ role, status: 200 })
    }
    expect(await world.snapshotOfAll()).toBe(before)
  })

  const withBody = named.filter(([, { body }]) => body !== undefined)

  it.each(withBody)('%s refuses a body that is no JSON object', async (_, route) => {
    const token = entitled(route)
    for (const body of ['', '{', 'name=web', '{"a":1}}', '[]', '[{}]', 'null', '1', '"text"', 'true']) {
      const problem = await refused(route, { token, body }, [400])
      expect({ body, fields: fieldsOf(problem) }).toEqual({ body, fields: ['body'] })
    }
    const { body = '' } = valid(route)
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/json',
    ]) {
      const problem = await refused(route, { token, body, headers: { 'content-type': type } }, [400])
      expect({ type, fields: fieldsOf(problem) }).toEqual({ type, fields: ['content-type'] })
    }
    expect(fieldsOf(await refused(route, { token }, [400]))).toEqual(['content-type'])
  })

  it.each(withBody)(
    '%s refuses each field that is wrong, missing or unknown, by its name',
    async (_, route) => {
      const token = entitled(route)
      for (const { value, field } of faultsFor(route.body ?? {})) {
        const problem = await refused(route, { token, body: JSON.stringify(value) }, [400])
        expect({ value, fields: fieldsOf(problem) }).toEqual({
          value,
          fields: expect.arrayContaining([field || 'body']),
        })
      }
      const required = route.body?.required ?? []
      if (required.length === 0) return
      expect(fieldsOf(await refused(route, { token, body: '{}' }, [400]))).toEqual(required)
    },
  )

  it.each(withBody)('%s refuses a body that is too large', async (_, route) => {
    const headers = { 'content-length': String(8 * MiB + 1) }
    const { code } = await refused(route, { token: entitled(route), body: '{}', headers }, [413])
    expect(code).toBe('too-large')
  })

  const withPath = named.filter(([, { path }]) => path.includes('{'))

  it.each(withPath)('%s refuses names with wrong characters', async (name, route) => {
    for (const { name: parameter } of route.parameters.filter((each) => each.in === 'path'))
      for (const wrong of ['#?', 'a/b', 'a b', ' ', '%', '.hidden', '\0', 'ÄÖ', 'x'.repeat(600)]) {
        if (answersUnknown.includes(name) && wrong.length < 500) continue
        const path = pathOf(route, { [parameter]: wrong })
        await refused(route, { token: entitled(route), path, ...valid(route) }, [400, 404])
      }
  })

  it.each(withPath)('%s refuses what is not there', async (name, route) => {
    const inPath = route.parameters.filter((each) => each.in === 'path')
    for (const { name: parameter, schema } of inPath) {
      // What is put need not be there before; a worker may ask for what is gone.
      const isPut = route.method === 'PUT' && parameter === inPath.at(-1)?.name
      if ((isPut && parameter !== 'setting') || answersUnknown.includes(name)) continue
      const absent = ['not-there', '0123456789abcdef'].find((each) =>
        new RegExp(schema.pattern ?? '').test(each),
      )
      const path = pathOf(route, { [parameter]: absent ?? '' })
      const { code } = await refused(route, { token: entitled(route), path, ...valid(route) }, [404])
      expect({ parameter, code }).toEqual({ parameter, code: 'not-found' })
    }
  })

  const asked = (route: Walked, where: 'query' | 'header') =>
    route.parameters.filter((each) => each.in === where)

  it.each(named.filter(([, route]) => asked(route, 'query').length > 0))(
    '%s refuses wrong values in its query',
    async (_, route) => {
      for (const { name, schema } of asked(route, 'query')) {
        const wrong = faultsFor(schema).flatMap(({ value }) =>
          typeof value === 'string' || typeof value === 'number' ? [String(value)] : [],
        )
        // A cursor is any text, and not any text is one; 42 in an address is a name.
        const values = name === 'cursor' ? ['no cursor', '', 'W10'] : wrong.filter((text) => text !== '42')
        expect({ name, values }).not.toEqual({ name, values: [] })
        for (const value of values) {
          const query = `?${new URLSearchParams({ [name]: value }).toString()}`
          const problem = await refused(route, { token: entitled(route), query }, [400])
          expect({ query, fields: fieldsOf(problem) }).toEqual({ query, fields: [name] })
        }
      }
    },
  )

  it.each(named.filter(([, route]) => asked(route, 'header').length > 0))(
    '%s refuses wrong values in its headers',
    async (_, route) => {
      for (const { name } of asked(route, 'header'))
        for (const value of ['two words', 'x'.repeat(256), 'é']) {
          const sent = { token: entitled(route), headers: { [name]: value }, ...valid(route) }
          expect(fieldsOf(await refused(route, sent, [400]))).toEqual([name])
        }
    },
  )

  it('refuses a body that grows too large while it is read', async () => {
    const response = await world.app.request('/v1/volumes', {
      method: 'POST',
      headers: { authorization: `Bearer ${world.tokens.admin}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'x'.repeat(8 * MiB) }),
    })
    expect({ status: response.status, type: response.headers.get('content-type') }).toEqual({
      status: 413,
      type: problemType,
    })
    expect(Refusal.parse(await response.json())).toMatchObject({ code: 'too-large' })
  })

  it('says so where there is no route', async () => {
    const { status, type, body } = await world.answer('/v1/nothing', { token: world.tokens.admin })
    expect({ status, type }).toEqual({ status: 404, type: problemType })
    expect(Refusal.parse(body)).toMatchObject({ code: 'not-found' })
    expect(await world.answer('/v1/nothing')).toMatchObject({ status: 401 })
  })
})
