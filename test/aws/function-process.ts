/**
 * @module function-process: a packaged function in a process of its own, as Lambda runs it: one event at a time, killed at any moment,
 * and started anew with the next event.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import * as z from 'zod'
import { serial } from '#lib/base/serial.ts'

export interface FunctionProcessSettings {
  name: string
  /** The file that the handler is in. */
  bundle: string
  env: Readonly<Record<string, string>>
  timeoutMs: number
}

export interface FunctionProcess {
  /** Of the events from now on. */
  timeoutMs: number
  /** @throws Error: the handler threw, or its process died. */
  invoke(event: unknown): Promise<unknown>
  /** As if its machine went away. */
  kill(): void
  /** What it printed so far, by lines. */
  lines(): string[]
  stop(): Promise<void>
}

const Answer = z.object({ id: z.string(), result: z.unknown().optional(), error: z.string().optional() })

const runner = join(import.meta.dirname, 'function-runner.mjs')

interface Running {
  child: ChildProcess
  waiting: Map<string, { resolve: (result: unknown) => void; reject: (error: Error) => void }>
}

const started = async ({ name, bundle, env }: FunctionProcessSettings, lines: string[]): Promise<Running> => {
  const child = fork(runner, [bundle], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const waiting: Running['waiting'] = new Map()
  const keep = (chunk: Buffer) => lines.push(...chunk.toString().split('\n').filter(Boolean))
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error(`${name} died`))
    waiting.clear()
  })
  const ready = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => undefined)])
  if (!ready) throw new Error(`${name} did not start: ${lines.slice(-20).join('\n')}`)
  child.on('message', (message) => {
    const { id, result, error } = Answer.parse(message)
    const asked = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) asked?.resolve(result)
    else asked?.reject(new Error(error))
  })
  return { child, waiting }
}

const isAlive = ({ child }: Running): boolean => child.exitCode === null && child.signalCode === null

export const functionProcess = (settings: FunctionProcessSettings): FunctionProcess => {
  const { name } = settings
  const lines: string[] = []
  const inTurn = serial()
  let running: Running | undefined
  const invoke = async (event: unknown): Promise<unknown> => {
    if (!running || !isAlive(running)) running = await started(settings, lines)
    const { child, waiting } = running
    const id = randomUUID()
    const context = { functionName: name, awsRequestId: id, timeoutMs: made.timeoutMs }
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      child.send({ id, event, context })
    })
  }
  const made: FunctionProcess = {
    timeoutMs: settings.timeoutMs,
    invoke: (event) => inTurn(() => invoke(event)),
    kill: () => running?.child.kill('SIGKILL'),
    lines: () => lines,
    stop: async () => {
      if (!running || !isAlive(running)) return
      const ended = once(running.child, 'exit')
      running.child.kill('SIGKILL')
      await ended
    },
  }
  return made
}
