/**
 * @module main: one run of `drover`: arguments, signals, exit code.
 */
import { CommanderError, type Command } from 'commander'
import { systemClock } from '#lib/base/clock.ts'
import { interruption } from './interruption.ts'
import { exits } from './output/exit-codes.ts'
import { terminal, type OutputStyle, type Terminal } from './output/terminal.ts'
import { droverProgram } from './program.ts'
import { withSession, type Act } from './session.ts'
import { UsageError } from './usage-error.ts'

const args = process.argv.slice(2)

/** Read before the arguments are parsed, so that what is wrong with them is told in the right form too. */
const style: OutputStyle = {
  isJson: args.includes('--json'),
  isQuiet: args.includes('--quiet'),
  isVerbose: args.includes('--verbose'),
}

/** The words of `backup create`, as far as they are commands. */
const commandIn = (program: Command): string => {
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

const usageErrorOf = (program: Command, error: CommanderError): UsageError => {
  const [message = '', ...suggestion] = error.message.replace(/^error: /, '').split('\n')
  const hint = [
    ...suggestion.map((line) => line.replaceAll(/[()]/g, '')),
    `see ${commandIn(program)} --help`,
  ].join(' ')
  return new UsageError('wrong-usage', message, { hint })
}

/** Commander ends help and version with an error too: code 0. Without a subcommand it has shown help, on stderr. */
const showParseFailure = (program: Command, output: Terminal, error: unknown): number => {
  if (!(error instanceof CommanderError)) return output.showFailure(error)
  if (error.exitCode === 0) return exits.done.code
  return error.code === 'commander.help' ? exits.usage.code : output.showFailure(usageErrorOf(program, error))
}

const run = async (): Promise<number> => {
  const output = terminal(process, style, systemClock)
  const signal = interruption({
    signals: process,
    now: () => performance.now(),
    onFirst: () => output.remark('drover: interrupted; cleaning up (once more to leave at once)'),
    onSecond: () => {
      output.progress.stop()
      process.exit(exits.interrupted.code)
    },
  })
  let code: number = exits.done.code
  const act: Act = async (work) => {
    code = await withSession(output, signal, work).then(
      (outcome) => output.showOutcome(outcome),
      // Whatever the interruption has led to, it is the reason.
      (error: unknown) => output.showFailure(signal.aborted ? signal.reason : error),
    )
  }
  const program = droverProgram(act)
  return program.parseAsync(args, { from: 'user' }).then(
    () => code,
    (error: unknown) => showParseFailure(program, output, error),
  )
}

// `drover backup list … | head`: nobody reads on.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(exits.done.code)
})
process.exitCode = await run()
// What was being read may still be under way.
if (process.exitCode === exits.interrupted.code) process.exit()
