/**
 * @module backup-routes: what targets hold, and restores of it. Work on a store alone is the control plane's own worker's.
 */
import * as z from 'zod'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { Backup, BackupVolume } from '#lib/catalog/entities.ts'
import { controlPlaneNode } from '#lib/operation/control-plane-node.ts'
import { ApiError } from '../api-error.ts'
import type { ApiDeps } from '../api-deps.ts'
import { NewRestore, ObjectName, StoreName } from '../bodies.ts'
import { claimVolume, placement } from '../claimed-volume.ts'
import { foundBackup, foundTarget, notFound, placedOn } from '../found.ts'
import { acceptedResponse, IdempotencyHeaders, issueOnce, type Claim } from '../issuing.ts'
import { apiRouter, jsonBody, jsonResponse, PageQuery, pageOf, routeFor, type ApiApp } from '../routing.ts'
import { operationView } from '../views.ts'

const targetParams = z.object({ target: ObjectName })
const backupVolumeParams = targetParams.extend({ backupVolume: StoreName })
const backupParams = backupVolumeParams.extend({ backup: StoreName })

/** Of operations on a store: they are on no volume of a cluster. */
const onStore = (backupVolume: string) => ({
  cluster: controlPlaneNode,
  node: controlPlaneNode,
  volume: backupVolume,
  generation: 1,
})

const requireBackupVolume = async (
  { catalog }: ApiDeps,
  { target, backupVolume }: z.infer<typeof backupVolumeParams>,
): Promise<BackupVolume> => {
  await foundTarget(catalog, target)
  const there = await catalog.backupVolumes.get(catalogKeys.backupVolume(target, backupVolume))
  if (there) return there
  throw notFound(`backup volume ${backupVolume} in target ${target}`, `see: drover backup list ${target}`)
}

const prepareRestore = async (deps: ApiDeps, body: NewRestore, claim: Claim) => {
  const { catalog } = deps
  const { target, backupVolume, backup: name, cluster, volume: volumeName, isSalvage } = body
  const { sizeBytes } = await requireBackupVolume(deps, body)
  const backup = await foundBackup(catalog, body)
  if (backup.obstacle !== null)
    throw new ApiError('conflict', `backup ${name} cannot be restored: ${backup.obstacle}`, {
      hint: `restore another: drover backup list ${target}/${backupVolume}`,
    })
  const node = await placedOn(deps, cluster, body.node)
  const wanted = {
    cluster,
    name: volumeName,
    node: node.name,
    generation: 1,
    sizeBytes: Math.max(sizeBytes, backup.sizeBytes),
    actualSizeBytes: 0,
    state: 'restoring' as const,
    path: null,
    jobs: [],
    groups: [],
    // Two volumes never write to one backup volume: it gets its own when its user says where.
    target: null,
    backupVolume: null,
  }
  const volume = await claimVolume(deps, wanted, claim)
  return { ...placement(volume), parameters: { target, backupVolume, backup: name, isSalvage } }
}

const listRoutes = (deps: ApiDeps, app: ApiApp): void => {
  const { catalog } = deps
  app.openapi(
    routeFor('viewer', '/v1/targets/{target}/volumes', {
      method: 'get',
      summary: 'List the backup volumes of a target',
      request: { params: targetParams, query: PageQuery },
      responses: { 200: jsonResponse('Backup volumes', pageOf(BackupVolume)) },
    }),
    async (context) => {
      const { target } = context.req.valid('param')
      const { limit, cursor } = context.req.valid('query')
      await foundTarget(catalog, target)
      const { partition } = catalogKeys.backupVolume(target, 'x')
      const { values, ...next } = await catalog.backupVolumes.list({ partition, limit, after: cursor })
      return context.json({ items: values, ...next }, 200)
    },
  )
  app.openapi(
    routeFor('viewer', '/v1/targets/{target}/volumes/{backupVolume}', {
      method: 'get',
      summary: 'Show a backup volume',
      request: { params: backupVolumeParams },
      responses: { 200: jsonResponse('The backup volume', BackupVolume) },
    }),
    async (context) => context.json(await requireBackupVolume(deps, context.req.valid('param')), 200),
  )
  app.openapi(
    routeFor('viewer', '/v1/targets/{target}/volumes/{backupVolume}/backups', {
      method: 'get',
      summary: 'List the backups of a backup volume, newest first',
      request: { params: backupVolumeParams, query: PageQuery },
      responses: { 200: jsonResponse('Backups', pageOf(Backup)) },
    }),
    async (context) => {
      const named = context.req.valid('param')
      const { limit, cursor } = context.req.valid('query')
      await requireBackupVolume(deps, named)
      const { partition } = catalogKeys.backupByTime(named.target, named.backupVolume, 'x', 'x')
      const query = { index: 'first', partition, order: 'descending', limit, after: cursor } as const
      const { values, ...next } = await catalog.backups.list(query)
      return context.json({ items: values, ...next }, 200)
    },
  )
  app.openapi(
    routeFor('viewer', '/v1/targets/{target}/volumes/{backupVolume}/backups/{backup}', {
      method: 'get',
      summary: 'Show a backup',
      request: { params: backupParams },
      responses: { 200: jsonResponse('The backup', Backup) },
    }),
    async (context) => context.json(await foundBackup(catalog, context.req.valid('param')), 200),
  )
}

export const backupRoutes = (deps: ApiDeps): ApiApp => {
  const { catalog, ids } = deps
  const app = apiRouter()
  listRoutes(deps, app)
  app.openapi(
    routeFor('operator', '/v1/targets/{target}/volumes/{backupVolume}/backups/{backup}', {
      method: 'delete',
      summary: 'Delete a backup, with the blocks that only it used',
      request: { headers: IdempotencyHeaders, params: backupParams },
      responses: acceptedResponse,
    }),
    async (context) => {
      const named = context.req.valid('param')
      const operation = await issueOnce(deps, context, 'delete-backup', async () => {
        await foundBackup(catalog, named)
        return { ...onStore(named.backupVolume), parameters: { ...named, lock: ids.name('lock') } }
      })
      return context.json(operationView(operation), 202)
    },
  )
  app.openapi(
    routeFor('operator', '/v1/targets/{target}/volumes/{backupVolume}/backups/{backup}/verify', {
      method: 'post',
      summary: 'Read every block of a backup, and check it',
      request: { headers: IdempotencyHeaders, params: backupParams },
      responses: acceptedResponse,
    }),
    async (context) => {
      const named = context.req.valid('param')
      const operation = await issueOnce(deps, context, 'verify-backup', async () => {
        await foundBackup(catalog, named)
        return { ...onStore(named.backupVolume), parameters: named }
      })
      return context.json(operationView(operation), 202)
    },
  )
  app.openapi(
    routeFor('operator', '/v1/targets/{target}/volumes/{backupVolume}/collect', {
      method: 'post',
      summary: 'Delete blocks that no backup uses',
      request: { headers: IdempotencyHeaders, params: backupVolumeParams },
      responses: acceptedResponse,
    }),
    async (context) => {
      const named = context.req.valid('param')
      const operation = await issueOnce(deps, context, 'collect-blocks', async () => {
        await requireBackupVolume(deps, named)
        return { ...onStore(named.backupVolume), parameters: { ...named, lock: ids.name('lock') } }
      })
      return context.json(operationView(operation), 202)
    },
  )
  app.openapi(
    routeFor('operator', '/v1/restores', {
      method: 'post',
      summary: 'Restore a backup to a new volume; it exists for others only when it is complete',
      request: { headers: IdempotencyHeaders, body: jsonBody(NewRestore) },
      responses: acceptedResponse,
    }),
    async (context) => {
      const body = context.req.valid('json')
      const operation = await issueOnce(deps, context, 'restore-backup', (claim) =>
        prepareRestore(deps, body, claim),
      )
      return context.json(operationView(operation), 202)
    },
  )
  return app
}
