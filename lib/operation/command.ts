/**
 * @module command: what tells a worker of an operation, or of its cancellation. One of the messages that couple control plane and workers.
 *
 * A worker that does not know its version refuses it, and says so.
 */
import * as z from 'zod'
import { operationKinds, parametersOf, type OperationKind, type ParametersOf } from './operation-kinds.ts'
import type { Operation } from './operation.ts'

export const commandVersion = 1

export interface PerformCommand<Kind extends OperationKind = OperationKind> {
  version: typeof commandVersion
  command: 'perform'
  operationId: string
  attempt: number
  kind: Kind
  volume: string
  generation: number
  parameters: ParametersOf<Kind>
  expiresAt: string
}

export interface CancelCommand {
  version: typeof commandVersion
  command: 'cancel'
  operationId: string
  expiresAt: string
}

export type Command = PerformCommand | CancelCommand

const header = { version: z.literal(commandVersion), operationId: z.string(), expiresAt: z.iso.datetime() }

const Perform = z
  .object({
    ...header,
    command: z.literal('perform'),
    attempt: z.int(),
    kind: z.enum(operationKinds),
    volume: z.string(),
    generation: z.int(),
    parameters: z.record(z.string(), z.json()),
  })
  .superRefine(({ kind, parameters }, context) => {
    for (const issue of parametersOf[kind].safeParse(parameters).error?.issues ?? [])
      context.addIssue({ code: 'custom', message: issue.message, path: ['parameters', ...issue.path] })
  })

const CommandMessage = z.discriminatedUnion('command', [
  Perform,
  z.object({ ...header, command: z.literal('cancel') }),
])

export type ReadCommand =
  | { kind: 'command'; command: Command }
  /** `operationId`: as far as that could be read, so that the refusal reaches the right one. */
  | { kind: 'unreadable'; operationId: string | undefined; reason: string }

const idIn = (message: unknown): string | undefined =>
  z.object({ operationId: z.string() }).safeParse(message).data?.operationId

export const readCommand = (message: unknown): ReadCommand => {
  const read = CommandMessage.safeParse(message)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the schema has looked at the parameters, by kind
  if (read.success) return { kind: 'command', command: read.data as Command }
  return { kind: 'unreadable', operationId: idIn(message), reason: z.prettifyError(read.error) }
}

export const performCommand = (operation: Operation): PerformCommand => ({
  version: commandVersion,
  command: 'perform',
  operationId: operation.id,
  attempt: operation.attempt,
  kind: operation.kind,
  volume: operation.volume,
  generation: operation.generation,
  parameters: operation.parameters,
  expiresAt: operation.expiresAt,
})

export const cancelCommand = ({ id, expiresAt }: Operation): CancelCommand => ({
  version: commandVersion,
  command: 'cancel',
  operationId: id,
  expiresAt,
})

/** Queues swallow the same id for five minutes: another attempt is another message. */
export const deduplicationId = (command: Command): string =>
  command.command === 'cancel' ? `${command.operationId}.cancel` : `${command.operationId}.${command.attempt}`
