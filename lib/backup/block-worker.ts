/**
 * @module block-worker: a thread that performs block tasks, one after another, for block-workers.ts.
 */
import { parentPort } from 'node:worker_threads'
import { CodedError } from '#lib/base/errors.ts'
import { performBlockTask, taskFiles, type BlockTask, type TaskResults } from './block-task.ts'

export interface WorkerRequest {
  id: number
  task: BlockTask
}

/** Errors cross threads as data: a structured clone keeps neither `code` nor `hint`. */
export interface WorkerFailure {
  name: string
  code: string | undefined
  message: string
  hint: string | undefined
}

export type WorkerReply =
  | { id: number; result: TaskResults[BlockTask['kind']] }
  | { id: number; failure: WorkerFailure }

const files = taskFiles()

const failureOf = (error: unknown): WorkerFailure => {
  const { name, message } = error instanceof Error ? error : new Error(String(error))
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return { name, code, message, hint: error instanceof CodedError ? error.hint : undefined }
}

const reply = ({ id, task }: WorkerRequest): void => {
  try {
    const result = performBlockTask(task, files)
    const stored = typeof result === 'object' ? result.stored : undefined
    const answer: WorkerReply = { id, result }
    parentPort?.postMessage(answer, stored && stored.byteLength === stored.buffer.byteLength ? [stored.buffer as ArrayBuffer] : [])
  } catch (error) {
    const answer: WorkerReply = { id, failure: failureOf(error) }
    parentPort?.postMessage(answer)
  }
}

parentPort?.on('message', reply)
