/**
 * @module failure: an error as it is shown: to people in two lines, to programs as one JSON document.
 */
import { RequestError } from '#lib/api/requests.ts'
import { CodedError } from '#lib/base/errors.ts'
import { Interrupted } from '../interruption.ts'
import { printable } from './printable.ts'

export interface Failure {
  code: string
  message: string
  hint: string | undefined
  /** Of what was sent to the service: those that it refuses. */
  fields: readonly { field: string; message: string }[]
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
  fields: error instanceof RequestError ? error.fields : [],
  causes: causesOf(error),
})

/** Most are in the message already. */
const untoldFields = ({ message, fields }: Failure): string[] =>
  fields
    .filter((fault) => !message.includes(fault.message))
    .map(({ field, message: what }) => `  ${field}: ${what}`)

export const failureText = (failure: Failure, isVerbose: boolean): string => {
  const { message, hint, causes } = failure
  return [
    `drover: ${printable(message)}`,
    ...untoldFields(failure).map(printable),
    ...(hint === undefined ? [] : [`  hint: ${printable(hint)}`]),
    ...(isVerbose ? causes.map((cause) => `  cause: ${printable(cause)}`) : []),
  ].join('\n')
}

export const failureJson = (failure: Failure, isVerbose: boolean): string => {
  const { code, message, hint, fields, causes } = failure
  const more = { ...(fields.length > 0 && { fields }), ...(isVerbose && { causes }) }
  return JSON.stringify({ error: { code, message, hint: hint ?? null, ...more } })
}
