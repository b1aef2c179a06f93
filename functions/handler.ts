/**
 * @module handler: what every function is: middy around a use case. The event is read by its schema; what fails is logged here,
 * once, and thrown to whoever woke it.
 */
// oxlint-disable-next-line import/no-named-as-default -- its types know no other export
import middy from '@middy/core'
import type { Context } from 'aws-lambda'
import * as z from 'zod'
import type { Log } from '#lib/base/log.ts'
import { FunctionError } from './function-error.ts'

/** As Lambda calls it; in process without a context. */
export type Handler<Result = void> = (event: unknown, context?: unknown) => Promise<Result>

export interface HandlerSettings<Event> {
  /** For logs and errors. */
  name: string
  schema: z.ZodType<Event>
}

const readEvent = <Event>({ name, schema }: HandlerSettings<Event>, event: unknown): Event => {
  const read = schema.safeParse(event)
  if (read.success) return read.data
  throw new FunctionError('unreadable-event', `event of ${name}: ${z.prettifyError(read.error)}`, {
    cause: read.error,
    hint: 'see whether what wakes it is set up as this version expects',
  })
}

export const handlerOf = <Event, Result>(
  settings: HandlerSettings<Event>,
  log: Log,
  work: (event: Event) => Promise<Result>,
): Handler<Result> => {
  const handler = middy<unknown, Result>(async (event: unknown) => work(readEvent(settings, event)))
  handler.onError(({ error }) => {
    log.error('function failed', { function: settings.name, error: String(error) })
  })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- ours reads nothing of it, and middy takes none
  return (event, context) => handler(event, context as Context)
}
