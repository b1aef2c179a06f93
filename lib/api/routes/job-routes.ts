/**
 * @module job-routes: recurring jobs and their runs.
 */
import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { Run, type RunOutcome } from '#lib/catalog/entities.ts'
import { RecurringJob } from '#lib/jobs/recurring-job.ts'
import { runJobNow } from '#lib/jobs/run-recurring-job.ts'
import { isEnded, type Operation } from '#lib/operation/operation.ts'
import { ScheduleError } from '#lib/schedule/schedule-error.ts'
import { ApiError } from '../api-error.ts'
import type { ApiDeps } from '../api-deps.ts'
import { JobBody } from '../bodies.ts'
import { foundJob, notFound } from '../found.ts'
import { claimId, IdempotencyHeaders } from '../issuing.ts'
import { apiRouter, jsonBody, jsonResponse, PageQuery, pageOf, routeFor, type ApiApp } from '../routing.ts'

const jobParams = z.object({ job: RecurringJob.shape.name })
const jobPartition = catalogKeys.job('x').partition

type Outcome = z.infer<typeof RunOutcome>

/** What is still under way stays as it was recorded. */
const endOf = (outcome: Outcome, operation: Operation | undefined): Outcome => {
  if (!operation || !isEnded(operation)) return outcome
  const { state, result, failure } = operation
  if (state === 'cancelled') return { ...outcome, outcome: 'cancelled' }
  if (state === 'failed') return { ...outcome, outcome: 'failed', reason: failure?.message ?? null }
  return { ...outcome, outcome: result?.['outcome'] === 'nothing-new' ? 'nothing-new' : 'made' }
}

/** More would make a page slow; then the outcomes' operations tell. */
const mostLookedUp = 500

/** With what became of the operations. */
const withEnds = async ({ catalog }: ApiDeps, runs: Run[]): Promise<Run[]> => {
  const ids = runs.flatMap(({ outcomes }) => outcomes.flatMap(({ operationId }) => operationId ?? []))
  if (ids.length > mostLookedUp) return runs
  const operations = await catalog.operations.getMany(ids.map(catalogKeys.operation))
  const byId = new Map(operations.map((operation) => [operation.id, operation]))
  return runs.map((run) => ({
    ...run,
    outcomes: run.outcomes.map((outcome) => endOf(outcome, byId.get(outcome.operationId ?? ''))),
  }))
}

/**
 * The job comes before its rule: a rule that is missing is made by reconcile, one without its job does nothing. Where the rule is
 * refused the job is put back, since it would be listed as one that runs. @throws ScheduleError.
 */
const putJob = async ({ jobs, rules }: ApiDeps, job: RecurringJob): Promise<void> => {
  const { name, cron, isEnabled } = job
  const key = catalogKeys.job(name)
  let before: RecurringJob | undefined
  await jobs.change(key, (there) => {
    before = there
    return job
  })
  try {
    await rules.put({ name, cron, isEnabled })
  } catch (error) {
    // Unless somebody else has changed it meanwhile.
    const isOurs = (there: RecurringJob | undefined) => isDeepStrictEqual(there, job)
    if (before) await jobs.change(key, (there) => (isOurs(there) ? before : undefined))
    else await jobs.remove(key, isOurs)
    if (!(error instanceof ScheduleError)) throw error
    const { code, message, hint } = error
    const kept = before ? 'changed, and stays as it was' : 'made'
    throw new ScheduleError(code, `job ${name} was not ${kept}: ${message}`, {
      cause: error,
      ...(hint !== undefined && { hint }),
    })
  }
}

export const jobRoutes = (deps: ApiDeps): ApiApp => {
  const { catalog, jobs, rules } = deps
  const app = apiRouter()
  app.openapi(
    routeFor('viewer', '/v1/jobs', {
      method: 'get',
      summary: 'List recurring jobs',
      request: { query: PageQuery },
      responses: { 200: jsonResponse('Jobs', pageOf(RecurringJob)) },
    }),
    async (context) => {
      const { limit, cursor } = context.req.valid('query')
      const { values, ...next } = await jobs.list({ partition: jobPartition, limit, after: cursor })
      return context.json({ items: values, ...next }, 200)
    },
  )
  app.openapi(
    routeFor('viewer', '/v1/jobs/{job}', {
      method: 'get',
      summary: 'Show a recurring job',
      request: { params: jobParams },
      responses: { 200: jsonResponse('The job', RecurringJob) },
    }),
    async (context) => context.json(await foundJob(deps, context.req.valid('param').job), 200),
  )
  app.openapi(
    routeFor('operator', '/v1/jobs/{job}', {
      method: 'put',
      summary: 'Make a recurring job, or replace it',
      request: { params: jobParams, body: jsonBody(JobBody) },
      responses: { 200: jsonResponse('The job', RecurringJob) },
    }),
    async (context) => {
      const { job: name } = context.req.valid('param')
      const job = { ...context.req.valid('json'), name }
      await putJob(deps, job)
      return context.json(job, 200)
    },
  )
  app.openapi(
    routeFor('operator', '/v1/jobs/{job}', {
      method: 'delete',
      summary: 'Delete a recurring job; what it made stays',
      request: { params: jobParams },
      responses: { 204: { description: 'It is gone' } },
    }),
    async (context) => {
      const { job: name } = context.req.valid('param')
      await rules.remove(name)
      if (await jobs.remove(catalogKeys.job(name))) return context.body(null, 204)
      throw notFound(`recurring job ${name}`, 'see: drover job list')
    },
  )
  app.openapi(
    routeFor('viewer', '/v1/jobs/{job}/runs', {
      method: 'get',
      summary: 'List the runs of a job, newest first',
      request: { params: jobParams, query: PageQuery },
      responses: { 200: jsonResponse('Runs', pageOf(Run)) },
    }),
    async (context) => {
      const { job } = context.req.valid('param')
      const { limit, cursor } = context.req.valid('query')
      await foundJob(deps, job)
      const { partition } = catalogKeys.run(job, 'x')
      const query = { partition, order: 'descending', limit, after: cursor } as const
      const { values, ...next } = await catalog.runs.list(query)
      return context.json({ items: await withEnds(deps, values), ...next }, 200)
    },
  )
  app.openapi(
    routeFor('operator', '/v1/jobs/{job}/runs', {
      method: 'post',
      summary: 'Run a job now, besides its schedule',
      request: { headers: IdempotencyHeaders, params: jobParams },
      responses: { 200: jsonResponse('The run, with an operation for each volume, or why not', Run) },
    }),
    async (context) => {
      const { name, isEnabled } = await foundJob(deps, context.req.valid('param').job)
      const { at } = await claimId(deps, context, 'run-job')
      const run = await runJobNow(deps)(name, at)
      if (run) return context.json(run, 200)
      throw new ApiError(
        'conflict',
        `job ${name} ${isEnabled ? 'was deleted meanwhile' : 'is switched off'}`,
        {
          hint: `switch it on: drover job set ${name} --enable`,
        },
      )
    },
  )
  return app
}
