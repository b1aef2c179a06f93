/**
 * @module client-calls: what every function of the client is made of: asking, reading what comes back, page after page.
 */
import * as z from 'zod'
import { RequestError, type Request, type RequestOptions } from './requests.ts'
import { OperationView } from './views.ts'

export interface Asked {
  signal?: AbortSignal | undefined
  /** A request repeated with the same one within a day makes nothing twice. */
  idempotencyKey?: string | undefined
}

type Query = NonNullable<RequestOptions['query']>

export const path = (strings: TemplateStringsArray, ...parts: string[]): string =>
  strings.map((text, at) => text + (parts[at] === undefined ? '' : encodeURIComponent(parts[at]))).join('')

const read = <T>(schema: z.ZodType<T>, answer: unknown): T => {
  const result = schema.safeParse(answer)
  if (result.success) return result.data
  throw new RequestError('no-api', 'the answer is not one of this version of Drover', {
    cause: result.error,
    hint: 'see whether the command line and the service are of the same version',
  })
}

export const optionsOf = ({ signal, idempotencyKey }: Asked): RequestOptions => ({
  signal,
  ...(idempotencyKey !== undefined && { headers: { 'idempotency-key': idempotencyKey } }),
})

export type Calls = ReturnType<typeof clientCalls>

export const clientCalls = (request: Request) => {
  const ask = async <T>(schema: z.ZodType<T>, method: string, where: string, options?: RequestOptions) =>
    read(schema, await request(method, where, options))
  /** All pages, one after another. */
  const all = async function* <T>(
    schema: z.ZodType<T>,
    where: string,
    query: Query = {},
    asked: Asked = {},
  ): AsyncGenerator<T> {
    const Page = z.object({ items: z.array(schema), next: z.string().optional() })
    let cursor: string | undefined
    do {
      const page = await ask(Page, 'GET', where, { ...optionsOf(asked), query: { ...query, cursor } })
      yield* page.items
      cursor = page.next
    } while (cursor !== undefined)
  }
  const get =
    <T>(schema: z.ZodType<T>) =>
    (where: string, asked: Asked = {}) =>
      ask(schema, 'GET', where, optionsOf(asked))
  const operate = (method: string, where: string, body: unknown, asked: Asked = {}) =>
    ask(OperationView, method, where, { ...optionsOf(asked), body })
  const remove = async (where: string, asked: Asked = {}): Promise<void> => {
    await request('DELETE', where, optionsOf(asked))
  }
  return { ask, all, get, operate, remove }
}
