/**
 * @module app: the API: one app, behind API Gateway in a function, and behind node:http on one machine.
 *
 * `GET /openapi.json` tells every route; `GET /healthz` whether the catalog answers. All else takes a token.
 */
import { bodyLimit } from 'hono/body-limit'
import { HTTPException } from 'hono/http-exception'
import { CodedError } from '#lib/base/errors.ts'
import { MiB } from '#lib/base/sizes.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { ApiError } from './api-error.ts'
import type { ApiDeps } from './api-deps.ts'
import { nodeRoutes } from './node-routes.ts'
import { backupRoutes } from './routes/backup-routes.ts'
import { clusterRoutes } from './routes/cluster-routes.ts'
import { jobRoutes } from './routes/job-routes.ts'
import { operationRoutes } from './routes/operation-routes.ts'
import { settingRoutes } from './routes/setting-routes.ts'
import { snapshotRoutes } from './routes/snapshot-routes.ts'
import { targetRoutes } from './routes/target-routes.ts'
import { volumeRoutes } from './routes/volume-routes.ts'
import { apiRouter, authenticate, sendProblem, type ApiApp } from './routing.ts'

/** What a heartbeat of a node with some thousand snapshots needs; API Gateway's limit is 10 MB. */
const maxBodyBytes = 8 * MiB

const document = {
  openapi: '3.1.0',
  info: { title: 'Drover', version: 'v1', description: 'Backup and disaster recovery for block volumes' },
}

/** Hono's own, of a body that is no JSON. */
const unreadable = (error: HTTPException): ApiError =>
  new ApiError('invalid-request', `body: ${error.message}`, {
    cause: error,
    hint: 'send JSON, with the header: Content-Type: application/json',
    fields: [{ field: 'body', message: 'is not JSON' }],
  })

export const apiApp = (deps: ApiDeps): ApiApp => {
  const app = apiRouter()
  app.onError((error, context) => {
    if (error instanceof HTTPException) return sendProblem(context, unreadable(error))
    const response = sendProblem(context, error)
    if (response.status >= 500)
      deps.log.error('request failed', {
        method: context.req.method,
        path: context.req.path,
        error: error.stack ?? String(error),
        ...(error instanceof CodedError && { hint: error.hint }),
      })
    return response
  })
  app.notFound((context) =>
    sendProblem(
      context,
      new ApiError('not-found', `there is no ${context.req.method} ${context.req.path}`, {
        hint: 'GET /openapi.json tells every route',
      }),
    ),
  )
  app.get('/healthz', async (context) => {
    await deps.catalog.clusters.list({ partition: catalogKeys.cluster('x').partition, limit: 1 })
    return context.json({ status: 'ok' })
  })
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer' })
  app.get('/openapi.json', (context) => context.json(app.getOpenAPI31Document(document)))
  app.use(
    '/v1/*',
    bodyLimit({
      maxSize: maxBodyBytes,
      onError: (context) =>
        sendProblem(
          context,
          new ApiError('too-large', `a body has at most ${maxBodyBytes} bytes`, {
            hint: 'send less at once',
            fields: [{ field: 'body', message: 'is too large' }],
          }),
        ),
    }),
  )
  app.use('/v1/*', authenticate(deps))
  for (const routes of [
    clusterRoutes,
    nodeRoutes,
    volumeRoutes,
    snapshotRoutes,
    targetRoutes,
    backupRoutes,
    jobRoutes,
    operationRoutes,
    settingRoutes,
  ])
    app.route('/', routes(deps))
  return app
}
