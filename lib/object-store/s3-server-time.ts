/**
 * @module s3-server-time: the `Date` header of an answer, which the SDK does not give.
 */
import type { S3Client } from '@aws-sdk/client-s3'

const times = new WeakMap<object, bigint>()

const dateOf = (response: unknown): number => {
  if (typeof response !== 'object' || response === null || !('headers' in response)) return Number.NaN
  const headers = response.headers
  if (typeof headers !== 'object' || headers === null || !('date' in headers)) return Number.NaN
  return Date.parse(String(headers.date))
}

/** Once for a client, or as often as one likes. */
export const noteServerTimes = (client: S3Client): void => {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      const ms = dateOf(result.response)
      if (result.output && !Number.isNaN(ms)) times.set(result.output, BigInt(ms) * 1_000_000n)
      return result
    },
    { step: 'deserialize', priority: 'high', name: 'droverServerTime', override: true },
  )
}

/** In whole seconds. Our own time if some proxy took the header away. */
export const serverTimeNsOf = (output: object): bigint => times.get(output) ?? BigInt(Date.now()) * 1_000_000n
