/**
 * @module block-workers: a pool of threads for block tasks, one for each core, so that both hash and compress.
 *
 * Threads start with the first task and end with `close()`. At most one task is under way in each; further ones wait here, so
 * the caller bounds memory by how many it asks for at once.
 */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { BackupstoreError, type BackupstoreErrorCode } from '#lib/backupstore/backupstore-error.ts'
import type { BlockTask, TaskResults } from './block-task.ts'
import type { WorkerFailure, WorkerReply } from './block-worker.ts'

export interface BlockWorkers {
  readonly size: number
  run<Kind extends BlockTask['kind']>(task: Extract<BlockTask, { kind: Kind }>): Promise<TaskResults[Kind]>
  close(): Promise<void>
}

interface Waiting {
  task: BlockTask
  resolve: (result: never) => void
  reject: (error: unknown) => void
}

interface Thread {
  worker: Worker
  current: Waiting | undefined
}

const errorOf = (failure: WorkerFailure): Error => {
  if (failure.name === 'BackupstoreError') {
    return new BackupstoreError(failure.code as BackupstoreErrorCode, failure.message, failure.hint === undefined ? {} : { hint: failure.hint })
  }
  return Object.assign(new Error(failure.message), { code: failure.code })
}

/** A block goes to its thread without a copy; the caller has no more use for it. */
const transferOf = (task: BlockTask): ArrayBuffer[] => {
  const stored = 'block' in task ? task.block.bytes : undefined
  return stored && stored.byteLength === stored.buffer.byteLength && stored.buffer instanceof ArrayBuffer ? [stored.buffer] : []
}

export const blockWorkers = (size: number = availableParallelism()): BlockWorkers => {
  const threads: Thread[] = []
  const queue: Waiting[] = []

  const give = (thread: Thread): void => {
    thread.current = queue.shift()
    if (thread.current) thread.worker.postMessage({ id: 0, task: thread.current.task }, transferOf(thread.current.task))
  }
  const end = (thread: Thread, settle: (waiting: Waiting) => void): void => {
    const { current } = thread
    if (current) settle(current)
    give(thread)
  }
  const start = (): void => {
    const thread: Thread = { worker: new Worker(new URL('./block-worker.ts', import.meta.url)), current: undefined }
    threads.push(thread)
    thread.worker.on('message', (reply: WorkerReply) => {
      end(thread, (waiting) => {
        if ('failure' in reply) waiting.reject(errorOf(reply.failure))
        else waiting.resolve(reply.result as never)
      })
    })
    thread.worker.on('error', (error) => {
      threads.splice(threads.indexOf(thread), 1)
      thread.current?.reject(error)
      if (queue.length > 0) start()
    })
    give(thread)
  }
  return {
    size,
    run: (task) =>
      new Promise((resolve, reject) => {
        queue.push({ task, resolve: resolve as (result: never) => void, reject })
        const idle = threads.find((thread) => !thread.current)
        if (idle) give(idle)
        else if (threads.length < size) start()
      }),
    close: async () => {
      await Promise.all(threads.map((thread) => thread.worker.terminate()))
    },
  }
}
