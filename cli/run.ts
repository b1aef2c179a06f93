/**
 * @module run: one run of `drover`, from its arguments to its exit code.
 */
import { CommanderError, type Command } from 'commander'
import { RequestError } from '#lib/api/requests.ts'
import type { Clock } from '#lib/base/clock.ts'
import { exits } from './output/exit-codes.ts'
import type { Terminal } from './output/terminal.ts'
import { droverProgram } from './program.ts'
import { withSession, type Act } from './session.ts'
import { UsageError } from './usage-error.ts'

/** The words of `backup create`, as far as they are commands. */
const commandIn = (program: Command, args: readonly string[]): string => {
  let command = program
  const path = [program.name()]
  for (const word of args.filter((argument) => !argument.startsWith('-'))) {
    const next = command.commands.find((known) => known.name() === word)
    if (!next) break
    command = next
    path.push(word)
  }
  return path.join(' ')
}

const usageErrorOf = (program: Command, args: readonly string[], error: CommanderError): UsageError => {
  const [message = '', ...suggestion] = error.message.replace(/^error: /, '').split('\n')
  const hint = [
    ...suggestion.map((line) => line.replaceAll(/[()]/g, '')),
    `see ${commandIn(program, args)} --help`,
  ].join(' ')
  return new UsageError('wrong-usage', message, { hint })
}

/** What the API refuses of a command's values, in words for who typed them: without where in the request they stood. */
const inWordsOfCommand = (error: unknown, command: string): unknown => {
  if (!(error instanceof RequestError) || error.code !== 'invalid-request') return error
  const { code, message, hint, status, fields, cause } = error
  return new RequestError(code, message.replace(/^(?:body|query|path): /, ''), {
    cause,
    fields,
    ...(status !== undefined && { status }),
    ...(hint !== undefined && { hint: hint.includes('/openapi.json') ? `see ${command} --help` : hint }),
  })
}

export interface RunDeps {
  output: Terminal
  clock: Clock
  signal: AbortSignal
}

export const run = async ({ output, clock, signal }: RunDeps, args: readonly string[]): Promise<number> => {
  let code: number = exits.done.code
  const act: Act = async (work) => {
    code = await withSession(output, clock, signal, work).then(
      (outcome) => output.showOutcome(outcome),
      // Whatever the interruption has led to, it is the reason.
      (error: unknown) =>
        output.showFailure(
          signal.aborted ? signal.reason : inWordsOfCommand(error, commandIn(program, args)),
        ),
    )
  }
  const program = droverProgram(act)
  /** Commander ends help and version with an error too: code 0. Without a subcommand it has shown help, on stderr. */
  const showParseFailure = (error: unknown): number => {
    if (!(error instanceof CommanderError)) return output.showFailure(error)
    if (error.exitCode === 0) return exits.done.code
    return error.code === 'commander.help'
      ? exits.usage.code
      : output.showFailure(usageErrorOf(program, args, error))
  }
  return program.parseAsync([...args], { from: 'user' }).then(() => code, showParseFailure)
}
