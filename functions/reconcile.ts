/** @module reconcile: once a minute: operations that nothing is heard of, then whatever else is to be looked at. */
import * as z from 'zod'
import { reconcileOperations, type ReconcileDeps } from '#lib/catalog/reconcile-operations.ts'
import { afterEnd, type AfterEndDeps } from './after-end.ts'
import { attempts } from './attempts.ts'
import { handlerOf, type Handler } from './handler.ts'

export interface ReconcileHandlerDeps extends AfterEndDeps, Omit<ReconcileDeps, 'catalog' | 'onEnded'> {
  catalog: AfterEndDeps['catalog'] & ReconcileDeps['catalog']
  /** One after another, each whatever became of those before. */
  checks: readonly (() => Promise<void>)[]
}

export const reconcileHandler = (deps: ReconcileHandlerDeps): Handler =>
  handlerOf({ name: 'reconcile', schema: z.unknown() }, deps.log, async () => {
    const trying = attempts(deps.log)
    await trying.make('reconciling operations', reconcileOperations({ ...deps, onEnded: afterEnd(deps) }))
    for (const check of deps.checks) await trying.make('check', check)
    trying.finish()
  })
