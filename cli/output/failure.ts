/**
 * @module failure: an error as it is shown: to people in two lines, to programs as one JSON document.
 */
import { CodedError } from '#lib/base/errors.ts'
import { Interrupted } from '../interruption.ts'
import { printable } from './printable.ts'

export interface Failure {
  code: string
  message: string
  hint: string | undefined
  /** From the nearest to the first. */
  causes: string[]
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : JSON.stringify(error))

const causesOf = (error: unknown): string[] => {
  const cause = error instanceof Error ? error.cause : undefined
  if (cause === undefined) return []
  return [messageOf(cause), ...causesOf(cause)]
}

const codeOf = (error: unknown): string => {
  if (error instanceof CodedError) return String(error.code)
  return error instanceof Interrupted ? 'interrupted' : 'unexpected'
}

export const describeFailure = (error: unknown): Failure => ({
  code: codeOf(error),
  message: messageOf(error),
  hint: error instanceof CodedError ? error.hint : undefined,
  causes: causesOf(error),
})

export const failureText = ({ message, hint, causes }: Failure, isVerbose: boolean): string =>
  [
    `drover: ${printable(message)}`,
    ...(hint === undefined ? [] : [`  hint: ${printable(hint)}`]),
    ...(isVerbose ? causes.map((cause) => `  cause: ${printable(cause)}`) : []),
  ].join('\n')

export const failureJson = ({ code, message, hint, causes }: Failure, isVerbose: boolean): string =>
  JSON.stringify({ error: { code, message, hint: hint ?? null, ...(isVerbose && { causes }) } })
