/**
 * @module block-messages: what a thread of block-worker.ts answers. The question is the block task itself.
 */
import type { BlockTask, TaskResults } from './block-task.ts'

/** Errors cross threads as data: a structured clone keeps neither `code` nor `hint`. */
export interface WorkerFailure {
  name: string
  code: string | undefined
  message: string
  hint: string | undefined
}

export type WorkerReply =
  | { kind: 'done'; result: TaskResults[BlockTask['kind']] }
  | { kind: 'failed'; failure: WorkerFailure }

/** The block in an answer, to be stored. */
export const storedIn = (reply: WorkerReply): Uint8Array | undefined =>
  reply.kind === 'done' && typeof reply.result === 'object' ? reply.result.stored : undefined
