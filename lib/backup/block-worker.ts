/**
 * @module block-worker: a thread that performs block tasks, one after another, for block-workers.ts.
 */
import { parentPort } from 'node:worker_threads'
import { CodedError } from '#lib/base/errors.ts'
import { performBlockTask, scratchBuffer, type BlockTask, type TaskResults } from './block-task.ts'

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

const scratch = scratchBuffer()

const failureOf = (error: unknown): WorkerFailure => {
  const { name, message } = error instanceof Error ? error : new Error(String(error))
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return { name, code, message, hint: error instanceof CodedError ? error.hint : undefined }
}

const answer = (task: BlockTask): WorkerReply => {
  try {
    return { kind: 'done', result: performBlockTask(task, scratch) }
  } catch (error) {
    return { kind: 'failed', failure: failureOf(error) }
  }
}

/** The buffer of a whole array moves to another thread without a copy; a part of a buffer is copied. */
export const wholeBuffers = (bytes: Uint8Array | undefined): ArrayBuffer[] =>
  bytes?.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength ? [bytes.buffer] : []

parentPort?.on('message', (task: BlockTask) => {
  const reply = answer(task)
  const stored = reply.kind === 'done' && typeof reply.result === 'object' ? reply.result.stored : undefined
  parentPort?.postMessage(reply, wholeBuffers(stored))
})
