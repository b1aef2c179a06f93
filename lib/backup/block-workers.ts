/**
 * @module block-workers: a pool of threads for block tasks, one for each core, so that both hash and compress.
 *
 * Threads start with the first task and end with `close()`. At most one task is under way in each; further ones wait here, so
 * the caller bounds memory by how many it asks for at once.
 */
import { getCompileCacheDir } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import { Worker, type WorkerOptions } from 'node:worker_threads'
import { BackupstoreError, isBackupstoreErrorCode } from '#lib/backupstore/backupstore-error.ts'
import { ownBlock, wholeBuffers } from './block-memory.ts'
import type { BlockTask, TaskResults } from './block-task.ts'
import { storedIn, type WorkerFailure, type WorkerReply } from './block-messages.ts'

export interface BlockWorkers {
  readonly size: number
  run<Kind extends BlockTask['kind']>(task: Extract<BlockTask, { kind: Kind }>): Promise<TaskResults[Kind]>
  close(): Promise<void>
}

interface Waiting {
  task: BlockTask
  settle: (reply: WorkerReply) => void
  reject: (error: unknown) => void
}

interface Thread {
  worker: Worker
  current: Waiting | undefined
}

const errorOf = ({ name, code, message, hint }: WorkerFailure): Error =>
  name === 'BackupstoreError' && isBackupstoreErrorCode(code)
    ? new BackupstoreError(code, message, hint === undefined ? {} : { hint })
    : Object.assign(new Error(message), { code })

/** A thread has no compile cache unless it is told; without one it takes 85 ms of CPU and 15 MiB more to start. */
const threadOptions = (): WorkerOptions => {
  const folder = getCompileCacheDir()
  // The folder named is the one for this version of Node, inside the one to name.
  return folder === undefined ? {} : { env: { NODE_COMPILE_CACHE: dirname(folder) } }
}

const closedError = (): Error => new Error('the threads for blocks have ended')

export const blockWorkers = (size: number = availableParallelism()): BlockWorkers => {
  const threads: Thread[] = []
  let queue: Waiting[] = []
  let isClosed = false

  const give = (thread: Thread): void => {
    thread.current = queue.shift()
    if (!thread.current) return
    const { task } = thread.current
    thread.worker.postMessage(task, wholeBuffers('block' in task ? task.block.bytes : undefined))
  }
  const start = (): void => {
    const thread: Thread = {
      worker: new Worker(new URL('./block-worker.ts', import.meta.url), threadOptions()),
      current: undefined,
    }
    threads.push(thread)
    thread.worker.on('message', (reply: WorkerReply) => {
      const stored = storedIn(reply)
      if (stored) ownBlock(stored)
      thread.current?.settle(reply)
      give(thread)
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
    run: <Kind extends BlockTask['kind']>(task: Extract<BlockTask, { kind: Kind }>) =>
      new Promise<TaskResults[Kind]>((resolve, reject) => {
        if (isClosed) throw closedError()
        const settle = (reply: WorkerReply) => {
          if (reply.kind === 'failed') reject(errorOf(reply.failure))
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a task of a kind has that kind's result
          else resolve(reply.result as TaskResults[Kind])
        }
        queue.push({ task, settle, reject })
        const idle = threads.find((thread) => !thread.current)
        if (idle) give(idle)
        else if (threads.length < size) start()
      }),
    close: async () => {
      isClosed = true
      const left = [...queue, ...threads.flatMap(({ current }) => current ?? [])]
      queue = []
      await Promise.all(threads.map((thread) => thread.worker.terminate()))
      for (const { reject } of left) reject(closedError())
    },
  }
}
