/** @module run-recurring-job: a job's minute has come. Woken by its rule, whose input transformer names job and time. */
import * as z from 'zod'
import type { Log } from '#lib/base/log.ts'
import type { Run } from '#lib/catalog/entities.ts'
import { runRecurringJob, type RunRecurringJobDeps } from '#lib/jobs/run-recurring-job.ts'
import { handlerOf, type Handler } from './handler.ts'

const JobTick = z.object({ job: z.string().min(1), time: z.iso.datetime({ offset: true }) })

const minuteMs = 60_000
const wholeMinute = (time: string): string =>
  new Date(Math.floor(Date.parse(time) / minuteMs) * minuteMs).toISOString()

export const runRecurringJobHandler = (deps: RunRecurringJobDeps & { log: Log }): Handler<Run | undefined> =>
  handlerOf({ name: 'run-recurring-job', schema: JobTick }, deps.log, ({ job, time }) =>
    runRecurringJob(deps)({ rule: job, minute: wholeMinute(time) }),
  )
