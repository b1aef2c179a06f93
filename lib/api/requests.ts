/**
 * @module requests: how clients talk to the API: JSON over HTTP with a bearer token, and its refusals as errors.
 */
import { CodedError, type CodedErrorOptions } from '#lib/base/errors.ts'
import { Problem } from './problem.ts'

/**
 * `code` is the API's own (problem.ts), or one of ours: `unreachable` (no answer), `unavailable` (one of what stands before
 * the API), `no-api` (an answer, and not from a Drover).
 */
export class RequestError extends CodedError<string> {
  /** Undefined: there was no answer. */
  readonly status: number | undefined
  readonly fields: NonNullable<Problem['errors']>

  constructor(
    code: string,
    message: string,
    options: CodedErrorOptions & { status?: number; fields?: Problem['errors'] } = {},
  ) {
    super(code, message, options)
    this.status = options.status
    this.fields = options.fields ?? []
  }
}

export interface RequestsSettings {
  /** `http://127.0.0.1:8780`: without a path. */
  url: string
  /** Left out: none is sent. */
  token?: string | undefined
  fetch?: typeof globalThis.fetch | undefined
  timeoutMs?: number | undefined
}

export interface RequestOptions {
  query?: Record<string, string | number | boolean | undefined> | undefined
  body?: unknown
  headers?: Record<string, string> | undefined
  signal?: AbortSignal | undefined
  /** Beyond the usual, for a long poll. */
  waitMs?: number | undefined
  /** Sees each answer: its `Date` tells the server's time. */
  onResponse?: ((response: Response) => void) | undefined
}

/** @returns the JSON of the answer, `undefined` of an empty one. @throws RequestError. */
export type Request = (method: string, path: string, options?: RequestOptions) => Promise<unknown>

const defaultTimeoutMs = 30_000

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Of what stands before the API: API Gateway, a proxy. Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-lambda.html */
const isAway = (status: number): boolean => status === 429 || status >= 500

const refusal = (url: string, status: number, text: string): RequestError => {
  const problem = Problem.safeParse(parsed(text)).data
  if (!problem && isAway(status))
    return new RequestError('unavailable', `${url} has no answer now: status ${status}`, {
      status,
      hint: "try again; if it stays so, see the service's log",
    })
  if (!problem)
    return new RequestError('no-api', `${url} answered with status ${status} and no word of Drover`, {
      status,
      hint: "see whether the address is that of Drover's API",
    })
  const { code, detail, hint, errors } = problem
  return new RequestError(code, detail, { status, ...(hint !== undefined && { hint }), fields: errors })
}

const reasonOf = (error: unknown): string => {
  const cause = error instanceof Error ? error.cause : undefined
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined
  return code ?? (error instanceof Error ? error.message : String(error))
}

/** Source: https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const isUntrusted = (reason: string): boolean => /CERT|VERIFY_LEAF|ISSUER/.test(reason)

const unreachable = (url: string, error: unknown): RequestError => {
  const reason = reasonOf(error)
  return new RequestError('unreachable', `${url} does not answer: ${reason}`, {
    cause: error,
    hint: isUntrusted(reason)
      ? 'it has a certificate that is not trusted here: if that is of your own authority, set NODE_EXTRA_CA_CERTS to its PEM file'
      : 'see whether the service runs ("npm start"), and whether its address is right (DROVER_URL)',
  })
}

export const requests = ({
  url,
  token,
  fetch = globalThis.fetch,
  timeoutMs = defaultTimeoutMs,
}: RequestsSettings): Request => {
  const base = url.replace(/\/+$/, '')
  return async (method, path, { query = {}, body, headers, signal, waitMs = 0, onResponse } = {}) => {
    const address = new URL(base + path)
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) address.searchParams.set(name, String(value))
    const timeout = AbortSignal.timeout(timeoutMs + waitMs)
    try {
      const response = await fetch(address, {
        method,
        headers: {
          accept: 'application/json',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      })
      const text = await response.text()
      onResponse?.(response)
      if (!response.ok) throw refusal(base, response.status, text)
      return text === '' ? undefined : parsed(text)
    } catch (error) {
      signal?.throwIfAborted()
      throw error instanceof RequestError ? error : unreachable(base, error)
    }
  }
}
