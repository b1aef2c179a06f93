/**
 * @module drover-on-service: the commands of `drover` in this process, against the API of a world on a port of 127.0.0.1.
 *
 * Sleeping takes no time; meanwhile an agent that the test plays changes the open operations.
 */
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { serve } from '@hono/node-server'
import { gathered } from '#lib/base/gathered.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { isEnded, type Operation } from '#lib/operation/operation.ts'
import type { Step } from '../cli/output/progress.ts'
import { terminal } from '../cli/output/terminal.ts'
import { run } from '../cli/run.ts'
import { apiWorld, type ApiWorld } from './api-world.ts'
import type { Ended } from './drover-process.ts'

/** What it makes of an open operation; asked at each look, with how often before. */
export type Agent = (operation: Operation, looks: number) => Partial<Operation> | Promise<Partial<Operation>>

export const succeeding =
  (result: Operation['result'] = {}): Agent =>
  () => ({ state: 'succeeded', result, endedAt: '2026-01-01T00:01:00.000Z' })

export interface RunOptions {
  agent?: Agent
  /** The answer to every question. */
  answer?: boolean
  /** Ctrl-C at the look of that number. */
  interruptAt?: number
}

export interface ServiceRun extends Ended {
  questions: string[]
  steps: Step[]
}

const streams = () => {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  // What terminal() asks of a stream is whether it is a terminal: these are not.
  return { stdin, stdout, stderr } as unknown as Parameters<typeof terminal>[0]
}

const playAgent = async ({ things }: ApiWorld, agent: Agent, looks: number): Promise<void> => {
  const { partition } = catalogKeys.operation('x')
  for (const operation of await gathered(things.operations.all({ partition })))
    if (!isEnded(operation)) {
      const change = await agent(operation, looks)
      await things.operations.change(
        catalogKeys.operation(operation.id),
        (there) => there && { ...there, ...change },
      )
    }
}

export type DroverOnService = Awaited<ReturnType<typeof droverOnService>>

export const droverOnService = async (world?: ApiWorld) => {
  const there = world ?? (await apiWorld())
  const server = serve({ fetch: there.app.fetch, hostname: '127.0.0.1', port: 0 })
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`

  const drover = async (args: readonly string[], options: RunOptions = {}): Promise<ServiceRun> => {
    const { agent, answer, interruptAt } = options
    const [io, controller] = [streams(), new AbortController()]
    const [questions, steps]: [string[], Step[]] = [[], []]
    let looks = 0
    const clock = {
      now: () => new Date(),
      sleep: async (_ms: number, signal?: AbortSignal) => {
        await new Promise((resolve) => setImmediate(resolve))
        looks++
        if (looks === interruptAt) controller.abort(new Error('interrupted'))
        signal?.throwIfAborted()
        if (looks > 100) throw new Error('waited for ever')
        if (agent) await playAgent(there, agent, looks)
      },
    }
    const style = {
      isJson: args.includes('--json'),
      isQuiet: args.includes('--quiet'),
      isVerbose: args.includes('--verbose'),
    }
    const output = terminal(io, style, clock)
    const ask = async (question: string): Promise<boolean> => {
      questions.push(question)
      return answer ?? false
    }
    const code = await run(
      {
        output: {
          ...output,
          progress: { show: (step) => steps.push(step), stop: () => {} },
          ...(answer !== undefined && { ask }),
        },
        clock,
        signal: controller.signal,
      },
      args,
    )
    io.stdout.end()
    io.stderr.end()
    const [stdout, stderr] = await Promise.all([text(io.stdout as never), text(io.stderr as never)])
    return { code, stdout, stderr, questions, steps }
  }
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      if ('closeAllConnections' in server) server.closeAllConnections()
    })
  return { world: there, url, drover, stop }
}
