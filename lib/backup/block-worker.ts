/**
 * @module block-worker: a thread that performs block tasks, one after another, for block-workers.ts.
 */
import { parentPort } from 'node:worker_threads'
import { CodedError } from '#lib/base/errors.ts'
import { wholeBuffers } from './block-memory.ts'
import { storedIn, type WorkerFailure, type WorkerReply } from './block-messages.ts'
import { performBlockTask, scratchBuffer, type BlockTask } from './block-task.ts'

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

parentPort?.on('message', (task: BlockTask) => {
  const reply = answer(task)
  parentPort?.postMessage(reply, wholeBuffers(storedIn(reply)))
})
