/**
 * @module volume-routes: volumes: what they are, how they change, and what is done to them.
 */
import * as z from 'zod'
import { catalogKeys, sortPrefix } from '#lib/catalog/catalog-keys.ts'
import { Volume } from '#lib/catalog/entities.ts'
import { ApiError } from '../api-error.ts'
import type { ApiDeps } from '../api-deps.ts'
import { backupLineFor, confirmedLine, type BackupLine } from '../backup-line.ts'
import {
  AttachVolume,
  ExpandVolume,
  NewVolume,
  ObjectName,
  RevertVolume,
  StoreName,
  VolumeChange,
} from '../bodies.ts'
import { claimVolume, placement } from '../claimed-volume.ts'
import { foundVolume, placedOn, requireJobs, requireSnapshot, settledVolume } from '../found.ts'
import { acceptedResponse, IdempotencyHeaders, issueOnce, type Claim } from '../issuing.ts'
import { apiRouter, jsonBody, jsonResponse, PageQuery, pageOf, routeFor, type ApiApp } from '../routing.ts'
import { operationView } from '../views.ts'

const volumeParams = z.object({ cluster: ObjectName, volume: StoreName })
const volumes = catalogKeys.volume('x', 'x').partition

const prepareNew = async (deps: ApiDeps, body: NewVolume, claim: Claim) => {
  const { cluster, name, sizeBytes, blockSizeBytes, sectorSizeBytes, jobs, groups } = body
  const node = await placedOn(deps, cluster, body.node)
  await requireJobs(deps, jobs)
  const line = await backupLineFor(deps, { cluster, name }, body)
  const claimed = await claimVolume(
    deps,
    {
      ...line,
      cluster,
      name,
      node: node.name,
      generation: 1,
      sizeBytes,
      actualSizeBytes: 0,
      state: 'creating',
      path: null,
      jobs,
      groups,
    },
    claim,
  )
  const key = catalogKeys.volume(cluster, name)
  const undo = () => deps.catalog.volumes.remove(key, ({ createdAt }) => createdAt === claimed.createdAt)
  const volume = await confirmedLine(deps, claimed, body.backupVolume === undefined ? undefined : undo)
  const parameters = {
    sizeBytes,
    ...(blockSizeBytes !== undefined && { blockSizeBytes }),
    ...(sectorSizeBytes !== undefined && { sectorSizeBytes }),
  }
  return { ...placement(volume), parameters }
}

const moveLine = async (
  deps: ApiDeps,
  before: Volume,
  wanted: Pick<VolumeChange, 'target' | 'backupVolume'>,
): Promise<Volume> => {
  if (wanted.target === undefined && wanted.backupVolume === undefined) return before
  const line = await backupLineFor(deps, before, wanted)
  if (line.target === before.target && line.backupVolume === before.backupVolume) return before
  const write = ({ target, backupVolume }: BackupLine) =>
    deps.catalog.volumes.change(
      catalogKeys.volume(before.cluster, before.name),
      (there) => there && { ...there, target, backupVolume },
    )
  const undo = wanted.backupVolume === undefined ? undefined : () => write(before)
  return confirmedLine(deps, (await write(line)) ?? before, undo)
}

const detachedForDeletion = async ({ catalog }: ApiDeps, named: { cluster: string; volume: string }) => {
  const { cluster, name } = await foundVolume(catalog, named)
  const after = await catalog.volumes.change(catalogKeys.volume(cluster, name), (there) =>
    there && there.state !== 'attached' ? { ...there, state: 'deleting' } : undefined,
  )
  if (after?.state === 'deleting') return after
  throw new ApiError('conflict', `volume ${name} is ${after ? 'attached' : 'gone'}`, {
    hint: after ? `unmount it, then: drover volume detach ${cluster}/${name}` : 'there is nothing left to do',
  })
}

const addVolumes = (deps: ApiDeps, app: ApiApp): void => {
  const { catalog } = deps
  app.openapi(
    routeFor('viewer', '/v1/volumes', {
      method: 'get',
      summary: 'List volumes',
      request: { query: PageQuery.extend({ cluster: ObjectName.optional() }) },
      responses: { 200: jsonResponse('Volumes', pageOf(Volume)) },
    }),
    async (context) => {
      const { limit, cursor, cluster } = context.req.valid('query')
      const prefix = cluster === undefined ? undefined : sortPrefix(cluster)
      const query = { partition: volumes, limit, after: cursor, sortPrefix: prefix }
      const { values, ...next } = await catalog.volumes.list(query)
      return context.json({ items: values, ...next }, 200)
    },
  )
  app.openapi(
    routeFor('viewer', '/v1/volumes/{cluster}/{volume}', {
      method: 'get',
      summary: 'Show a volume',
      request: { params: volumeParams },
      responses: { 200: jsonResponse('The volume', Volume) },
    }),
    async (context) => context.json(await foundVolume(catalog, context.req.valid('param')), 200),
  )
  app.openapi(
    routeFor('operator', '/v1/volumes/{cluster}/{volume}', {
      method: 'patch',
      summary: 'Change where its backups go, and the jobs that it takes part in',
      request: { params: volumeParams, body: jsonBody(VolumeChange) },
      responses: { 200: jsonResponse('The volume', Volume) },
    }),
    async (context) => {
      const named = context.req.valid('param')
      const { jobs, groups, ...line } = context.req.valid('json')
      const before = await foundVolume(catalog, named)
      // Those that it names already may have been deleted since.
      await requireJobs(deps, jobs?.filter((job) => !before.jobs.includes(job)) ?? [])
      const moved = await moveLine(deps, before, line)
      const after = await catalog.volumes.change(
        catalogKeys.volume(moved.cluster, moved.name),
        (there) => there && { ...there, ...(jobs && { jobs }), ...(groups && { groups }) },
      )
      return context.json(after ?? (await foundVolume(catalog, named)), 200)
    },
  )
}

const addLife = (deps: ApiDeps, app: ApiApp): void => {
  app.openapi(
    routeFor('operator', '/v1/volumes', {
      method: 'post',
      summary: 'Make a volume',
      request: { headers: IdempotencyHeaders, body: jsonBody(NewVolume) },
      responses: acceptedResponse,
    }),
    async (context) => {
      const body = context.req.valid('json')
      const operation = await issueOnce(deps, context, 'create-volume', (claim) =>
        prepareNew(deps, body, claim),
      )
      return context.json(operationView(operation), 202)
    },
  )
  app.openapi(
    routeFor('operator', '/v1/volumes/{cluster}/{volume}', {
      method: 'delete',
      summary: 'Delete a detached volume with its snapshots; its backups stay',
      request: { headers: IdempotencyHeaders, params: volumeParams },
      responses: acceptedResponse,
    }),
    async (context) => {
      const named = context.req.valid('param')
      const operation = await issueOnce(deps, context, 'delete-volume', async () => ({
        ...placement(await detachedForDeletion(deps, named)),
        parameters: {},
      }))
      return context.json(operationView(operation), 202)
    },
  )
}

const addActions = (deps: ApiDeps, app: ApiApp): void => {
  const { catalog } = deps
  app.openapi(
    routeFor('operator', '/v1/volumes/{cluster}/{volume}/attach', {
      method: 'post',
      summary: 'Attach it: it gets a device on its node',
      request: { headers: IdempotencyHeaders, params: volumeParams, body: jsonBody(AttachVolume) },
      responses: acceptedResponse,
    }),
    async (context) => {
      const [named, parameters] = [context.req.valid('param'), context.req.valid('json')]
      const operation = await issueOnce(deps, context, 'attach-volume', async () => ({
        ...placement(await settledVolume(catalog, named)),
        parameters,
      }))
      return context.json(operationView(operation), 202)
    },
  )
  app.openapi(
    routeFor('operator', '/v1/volumes/{cluster}/{volume}/detach', {
      method: 'post',
      summary: 'Detach it',
      request: { headers: IdempotencyHeaders, params: volumeParams },
      responses: acceptedResponse,
    }),
    async (context) => {
      const named = context.req.valid('param')
      const operation = await issueOnce(deps, context, 'detach-volume', async () => ({
        ...placement(await settledVolume(catalog, named)),
        parameters: {},
      }))
      return context.json(operationView(operation), 202)
    },
  )
  app.openapi(
    routeFor('operator', '/v1/volumes/{cluster}/{volume}/expand', {
      method: 'post',
      summary: 'Make it larger',
      request: { headers: IdempotencyHeaders, params: volumeParams, body: jsonBody(ExpandVolume) },
      responses: acceptedResponse,
    }),
    async (context) => {
      const [named, parameters] = [context.req.valid('param'), context.req.valid('json')]
      const operation = await issueOnce(deps, context, 'expand-volume', async () => {
        const volume = await settledVolume(catalog, named)
        if (parameters.sizeBytes >= volume.sizeBytes) return { ...placement(volume), parameters }
        throw new ApiError('invalid-request', `volume ${volume.name} has ${volume.sizeBytes} bytes already`, {
          hint: 'a volume can grow, and never shrink',
          fields: [{ field: 'sizeBytes', message: `is less than its ${volume.sizeBytes} bytes` }],
        })
      })
      return context.json(operationView(operation), 202)
    },
  )
  app.openapi(
    routeFor('operator', '/v1/volumes/{cluster}/{volume}/revert', {
      method: 'post',
      summary: 'Take a detached volume back to a snapshot',
      request: { headers: IdempotencyHeaders, params: volumeParams, body: jsonBody(RevertVolume) },
      responses: acceptedResponse,
    }),
    async (context) => {
      const [named, parameters] = [context.req.valid('param'), context.req.valid('json')]
      const operation = await issueOnce(deps, context, 'revert-volume', async () => {
        const volume = await settledVolume(catalog, named)
        await requireSnapshot(catalog, { ...named, snapshot: parameters.snapshot })
        return { ...placement(volume), parameters }
      })
      return context.json(operationView(operation), 202)
    },
  )
}

export const volumeRoutes = (deps: ApiDeps): ApiApp => {
  const app = apiRouter()
  for (const add of [addVolumes, addLife, addActions]) add(deps, app)
  return app
}
