/**
 * @module operation: one piece of work and its life, as the control plane keeps it:
 *
 *   queued → accepted → running → succeeded | failed | cancelled
 *
 * An end is final. What its worker says of it comes in reports (report.ts), numbered by the worker, in any order and more than
 * once: `applyReport` gives the same whatever the order.
 */
import * as z from 'zod'
import type { JsonObject } from './json.ts'
import { operationKinds, parametersOf, type OperationKind, type ParametersOf } from './operation-kinds.ts'

export const operationStates = ['queued', 'accepted', 'running', 'succeeded', 'failed', 'cancelled'] as const
export type OperationState = (typeof operationStates)[number]

const endStates: ReadonlySet<OperationState> = new Set(['succeeded', 'failed', 'cancelled'])
export const isEnded = (operation: { state: OperationState }): boolean => endStates.has(operation.state)

export const Failure = z.object({ code: z.string(), message: z.string(), hint: z.string().optional() })
export type Failure = z.infer<typeof Failure>

export const OperationProgress = z.object({
  phase: z.string(),
  doneBytes: z.number(),
  totalBytes: z.number(),
})
export type OperationProgress = z.infer<typeof OperationProgress>

/** What made it: a person by the API, or a job's minute. Together with what it is about it decides the id. */
export const Cause = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('request'), by: z.string(), idempotencyKey: z.string().optional() }),
  z.object({ kind: z.literal('job'), job: z.string(), minute: z.string() }),
])
export type Cause = z.infer<typeof Cause>

export interface Operation<Kind extends OperationKind = OperationKind> {
  id: string
  kind: Kind
  cluster: string
  /** Who performs it. */
  node: string
  /** In the cluster. */
  volume: string
  /** Of the volume's placement: one sent before it moved is refused after. */
  generation: number
  parameters: ParametersOf<Kind>
  cause: Cause
  state: OperationState
  /** How often its command was sent, and when last. */
  attempt: number
  sentAt: string
  isCancelRequested: boolean
  createdAt: string
  /** Not begun by then: it is refused. */
  expiresAt: string
  /** When its worker last said anything of it. */
  heardAt: string | null
  endedAt: string | null
  /** Of the last report that counted. */
  sequence: number
  progress: OperationProgress | null
  result: JsonObject | null
  failure: Failure | null
  /** Of a worker without a journal, which goes on from there. */
  checkpoint?: JsonObject | undefined
}

const parametersMatch = ({ kind, parameters }: { kind: OperationKind; parameters: unknown }): boolean =>
  parametersOf[kind].safeParse(parameters).success

const StoredOperation = z
  .object({
    id: z.string(),
    kind: z.enum(operationKinds),
    cluster: z.string(),
    node: z.string(),
    volume: z.string(),
    generation: z.int(),
    parameters: z.record(z.string(), z.json()),
    cause: Cause,
    state: z.enum(operationStates),
    attempt: z.int(),
    sentAt: z.string(),
    isCancelRequested: z.boolean(),
    createdAt: z.string(),
    expiresAt: z.string(),
    heardAt: z.string().nullable(),
    endedAt: z.string().nullable(),
    sequence: z.int(),
    progress: OperationProgress.nullable(),
    result: z.record(z.string(), z.json()).nullable(),
    failure: Failure.nullable(),
    checkpoint: z.record(z.string(), z.json()).optional(),
  })
  .refine(parametersMatch, { message: 'parameters of another kind', path: ['parameters'] })

/** As it is stored. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the refinement has looked at the parameters, by kind
export const Operation = StoredOperation as unknown as z.ZodType<Operation>
