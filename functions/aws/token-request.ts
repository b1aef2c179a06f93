/**
 * @module token-request: how the first access token comes into being. An installation has none, so nobody can ask for one over HTTP; whoever
 * may invoke the API's function directly (`lambda:InvokeFunction`) makes one: `{"createToken": {"name": "ada", "role": "admin"}}`.
 *
 * No HTTP request reads as one: API Gateway's events have other keys, what a client sent is text inside them, and the schema takes no
 * key besides its own. An invocation that is repeated makes a second token: `drover token list` shows both.
 */
import * as z from 'zod'
import type { ApiDeps } from '#lib/api/api-deps.ts'
import { NewToken } from '#lib/api/bodies.ts'
import { newToken } from '#lib/api/new-token.ts'
import type { NewTokenView } from '#lib/api/views.ts'
import { handlerOf, type Handler } from '../handler.ts'

export const TokenRequest = z.strictObject({ createToken: NewToken })
export type TokenRequest = z.infer<typeof TokenRequest>

/** What it asks for may still be wrong: told by the handler then, and not by the API. */
export const isTokenRequest = (event: unknown): boolean =>
  typeof event === 'object' && event !== null && Object.keys(event).join() === 'createToken'

export interface TokenRequestDeps extends Pick<ApiDeps, 'clock' | 'log'> {
  catalog: Pick<ApiDeps['catalog'], 'tokens'>
}

/** Answers with the token, this once. @throws FunctionError `unreadable-event`. */
export const tokenRequestHandler = (deps: TokenRequestDeps): Handler<NewTokenView> =>
  handlerOf({ name: 'api', schema: TokenRequest }, deps.log, async ({ createToken }) => {
    const made = await newToken(deps, createToken)
    deps.log.info('token made by direct invocation', { token: made.id, name: made.name, role: made.role })
    return made
  })
