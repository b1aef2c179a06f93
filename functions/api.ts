/** @module api: the HTTP API behind API Gateway's HTTP API (payload format 2.0). On one machine the same app is served by node:http. */
// oxlint-disable-next-line import/no-named-as-default -- its types know no other export
import middy from '@middy/core'
import { handle, type LambdaContext, type LambdaEvent } from 'hono/aws-lambda'
import { apiApp } from '#lib/api/app.ts'
import type { ApiDeps } from '#lib/api/api-deps.ts'

export const apiHandler = (deps: ApiDeps) => {
  const serve = handle(apiApp(deps))
  return middy((event: LambdaEvent, context: LambdaContext) => serve(event, context))
}
