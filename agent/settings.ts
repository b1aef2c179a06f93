/**
 * @module settings: what an agent is told when it is started: all else is in its folder.
 */
import { parseArgs } from 'node:util'
import { CodedError } from '#lib/base/errors.ts'

export class UsageError extends CodedError<'wrong-usage'> {}

export type AgentArguments =
  | { kind: 'help' }
  | {
      kind: 'run'
      folder: string
      isVerbose: boolean
      /** It stops when its stdin ends: with the process that started it, whatever ended that. */
      untilStdinEnds: boolean
    }

export const usage = `Usage: drover-agent [--folder <folder>] [--verbose]

Performs the operations of this node's volumes, until it is told to stop by SIGTERM or SIGINT.
What is under way then goes on with the next start. It logs to stderr, a line of JSON for each event.

  --folder <folder>  what "drover node join" wrote to (default: the environment variable DROVER_AGENT)
  --until-stdin-ends stop when stdin ends, as when the process that started this one died
  --verbose          log more
  --help             show this
`

const options = {
  folder: { type: 'string' },
  'until-stdin-ends': { type: 'boolean', default: false },
  verbose: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

const parsed = (args: string[]) => {
  try {
    return parseArgs({ args, options }).values
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new UsageError('wrong-usage', message, { cause, hint: 'see drover-agent --help' })
  }
}

/** @throws UsageError. */
export const agentArguments = (args: string[], environment = process.env): AgentArguments => {
  const { folder = environment.DROVER_AGENT, verbose, help, ...rest } = parsed(args)
  if (help) return { kind: 'help' }
  if (folder !== undefined && folder !== '')
    return { kind: 'run', folder, isVerbose: verbose, untilStdinEnds: rest['until-stdin-ends'] }
  throw new UsageError('wrong-usage', "the agent's folder was not given", {
    hint: 'give --folder <folder>, or set the environment variable DROVER_AGENT',
  })
}
