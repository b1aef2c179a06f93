/**
 * @module snapshot-routes: snapshots of a volume, and backups made of it.
 */
import * as z from 'zod'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { Snapshot } from '#lib/catalog/entities.ts'
import { ApiError } from '../api-error.ts'
import type { ApiDeps } from '../api-deps.ts'
import { NewBackup, NewSnapshot, ObjectName, StoreName } from '../bodies.ts'
import { placement } from '../claimed-volume.ts'
import { foundVolume, requireSnapshot, settledVolume } from '../found.ts'
import { acceptedResponse, IdempotencyHeaders, issueOnce } from '../issuing.ts'
import { apiRouter, jsonBody, jsonResponse, PageQuery, pageOf, routeFor, type ApiApp } from '../routing.ts'
import { operationView } from '../views.ts'

const volumeParams = z.object({ cluster: ObjectName, volume: StoreName })
const snapshotParams = volumeParams.extend({ snapshot: StoreName })

export const snapshotRoutes = (deps: ApiDeps): ApiApp => {
  const { catalog, ids } = deps
  const app = apiRouter()
  app.openapi(
    routeFor('viewer', '/v1/volumes/{cluster}/{volume}/snapshots', {
      method: 'get',
      summary: "List a volume's snapshots",
      request: { params: volumeParams, query: PageQuery },
      responses: { 200: jsonResponse('Snapshots', pageOf(Snapshot)) },
    }),
    async (context) => {
      const { cluster, volume } = context.req.valid('param')
      const { limit, cursor } = context.req.valid('query')
      await foundVolume(catalog, { cluster, volume })
      const { partition } = catalogKeys.snapshot(cluster, volume, 'x')
      const { values, ...next } = await catalog.snapshots.list({ partition, limit, after: cursor })
      return context.json({ items: values, ...next }, 200)
    },
  )
  app.openapi(
    routeFor('operator', '/v1/volumes/{cluster}/{volume}/snapshots', {
      method: 'post',
      summary: 'Take a snapshot',
      request: { headers: IdempotencyHeaders, params: volumeParams, body: jsonBody(NewSnapshot) },
      responses: acceptedResponse,
    }),
    async (context) => {
      const named = context.req.valid('param')
      const { name, labels } = context.req.valid('json')
      const operation = await issueOnce(deps, context, 'create-snapshot', async () => ({
        ...placement(await settledVolume(catalog, named)),
        parameters: { snapshot: name ?? ids.name('snap'), labels, onlyIfWritten: false },
      }))
      return context.json(operationView(operation), 202)
    },
  )
  app.openapi(
    routeFor('operator', '/v1/volumes/{cluster}/{volume}/snapshots/{snapshot}', {
      method: 'delete',
      summary: 'Delete a snapshot',
      request: { headers: IdempotencyHeaders, params: snapshotParams },
      responses: acceptedResponse,
    }),
    async (context) => {
      const named = context.req.valid('param')
      const operation = await issueOnce(deps, context, 'delete-snapshot', async () => {
        const volume = await settledVolume(catalog, named)
        await requireSnapshot(catalog, named)
        return { ...placement(volume), parameters: { snapshot: named.snapshot } }
      })
      return context.json(operationView(operation), 202)
    },
  )
  app.openapi(
    routeFor('operator', '/v1/volumes/{cluster}/{volume}/backups', {
      method: 'post',
      summary: 'Back it up to its target',
      request: { headers: IdempotencyHeaders, params: volumeParams, body: jsonBody(NewBackup) },
      responses: acceptedResponse,
    }),
    async (context) => {
      const named = context.req.valid('param')
      const { name, snapshot, labels, isFull } = context.req.valid('json')
      const operation = await issueOnce(deps, context, 'create-backup', async () => {
        const volume = await settledVolume(catalog, named)
        const { target, backupVolume } = volume
        if (target === null || backupVolume === null)
          throw new ApiError('conflict', `volume ${volume.name} has no backup target`, {
            hint: `give it one: drover volume set ${volume.cluster}/${volume.name} --target <name>`,
          })
        if (snapshot !== undefined) await requireSnapshot(catalog, { ...named, snapshot })
        const parameters = {
          target,
          backupVolume,
          backup: name ?? ids.name('backup'),
          lock: ids.name('lock'),
          ...(snapshot !== undefined && { snapshot }),
          labels,
          isFull,
          onlyIfWritten: false,
        }
        return { ...placement(volume), parameters }
      })
      return context.json(operationView(operation), 202)
    },
  )
  return app
}
