/**
 * @module invocation: what is the same for all functions in Lambda: a log that says whose event each line is of, and the end that time
 * sets. Source: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html
 */
import type { Context } from 'aws-lambda'
import { systemClock } from '#lib/base/clock.ts'
import { jsonLog } from '#lib/base/json-log.ts'
import type { LogFields } from '#lib/base/log.ts'

/** A process in Lambda has one event at a time. */
let current: LogFields = {}
let isColdStart = true

export const clock = systemClock

export const log = jsonLog((line) => process.stdout.write(line), clock, { fields: () => current })

/** What has begun needs time to be left in good order. */
const marginMs = 30_000

export interface Invocation {
  /** Aborted before time is up. */
  ending: AbortSignal
}

export const invoked =
  <Result>(work: (event: unknown, invocation: Invocation, context: Context) => Promise<Result>) =>
  (event: unknown, context: Context): Promise<Result> => {
    const { functionName, awsRequestId } = context
    current = { function: functionName, requestId: awsRequestId, coldStart: isColdStart }
    isColdStart = false
    const leftMs = Math.max(0, context.getRemainingTimeInMillis() - marginMs)
    return work(event, { ending: AbortSignal.timeout(leftMs) }, context)
  }
