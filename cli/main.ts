/**
 * @module main: `drover` as a process: its arguments, signals and exit code.
 */
import { systemClock } from '#lib/base/clock.ts'
import { interruption } from './interruption.ts'
import { exits } from './output/exit-codes.ts'
import { terminal, type OutputStyle } from './output/terminal.ts'
import { run } from './run.ts'

const args = process.argv.slice(2)

/** Read before the arguments are parsed, so that what is wrong with them is told in the right form too. */
const style: OutputStyle = {
  isJson: args.includes('--json'),
  isQuiet: args.includes('--quiet'),
  isVerbose: args.includes('--verbose'),
}

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

// `drover backup list … | head`: nobody reads on.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(exits.done.code)
})
process.exitCode = await run({ output, clock: systemClock, signal }, args)
// What was being read may still be under way.
if (process.exitCode === exits.interrupted.code) process.exit()
