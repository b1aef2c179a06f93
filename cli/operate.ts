/**
 * @module operate: a command that is an operation of the service, from its request to what is said of its end.
 */
import { Option, type Command } from 'commander'
import type { ApiClient } from '#lib/api/client.ts'
import type { Asked } from '#lib/api/client-calls.ts'
import { RequestError } from '#lib/api/requests.ts'
import type { Operation } from './answers.ts'
import { OperationFailed } from './operation-failed.ts'
import { operationFields, subjectOf } from './output/operation-view.ts'
import { fieldsText } from './output/tables.ts'
import type { Outcome } from './output/terminal.ts'
import type { Session } from './session.ts'
import { issue, waitFor, type Waited } from './wait-for.ts'

export interface WaitOptions {
  wait?: boolean
}

export const withWait = (command: Command): Command =>
  command
    .addOption(new Option('--wait', 'show progress, and end with the operation (the default)'))
    .addOption(new Option('--no-wait', 'end at once; with --quiet print the id of the operation'))

const howToWatch = ({ id }: Operation): string => `drover operation watch ${id}`

const stillOpen = (operation: Operation, says: string): Outcome => ({
  json: operation,
  text: `${fieldsText(operationFields(operation))}\n\n${says}: ${howToWatch(operation)}`,
  handles: [operation.id],
})

/** @throws OperationFailed. */
const refuseFailure = ({ id, kind, state, failure, ...rest }: Operation): void => {
  const what = `${kind} of ${subjectOf({ kind, ...rest })}`
  if (state === 'cancelled')
    throw new OperationFailed('cancelled', `${what} was cancelled`, {
      hint: `see: drover operation show ${id}`,
    })
  if (state !== 'failed') return
  const { code = 'failed', message = 'it failed', hint } = failure ?? {}
  throw new OperationFailed(code, `${what} failed: ${message}`, {
    hint: hint ?? `see: drover operation show ${id}`,
  })
}

/** What a command says of an operation that succeeded; what it leaves out is as for any. */
export type Ending = (operation: Operation) => Partial<Outcome>

const anyEnding: Ending = () => ({})

export const outcomeOf = (waited: Waited, ending: Ending = anyEnding): Outcome => {
  const { operation } = waited
  if (waited.kind === 'left') {
    const says = waited.isCancelAsked ? 'it was told to end' : 'it goes on'
    return { ...stillOpen(operation, says), exit: 'interrupted' }
  }
  refuseFailure(operation)
  return { json: operation, text: fieldsText(operationFields(operation)), ...ending(operation) }
}

/** The service was lost while waiting: the operation is not. */
const lost = (error: unknown, operation: Operation): unknown =>
  error instanceof RequestError && error.code === 'unreachable'
    ? new RequestError('unreachable', error.message, {
        cause: error,
        hint: `operation ${operation.id} goes on when the service is there again: ${howToWatch(operation)}`,
      })
    : error

/** @throws OperationFailed, RequestError. */
export const operate = async (
  session: Session,
  client: Pick<ApiClient, 'operations'>,
  { wait = true }: WaitOptions,
  ask: (asked: Asked) => Promise<Operation>,
  ending?: Ending,
): Promise<Outcome> => {
  const operation = await issue(session, ask)
  if (!wait) return stillOpen(operation, 'watch it with')
  const waited = await waitFor(session, client, operation).catch((error: unknown) => {
    throw lost(error, operation)
  })
  return outcomeOf(waited, ending)
}
