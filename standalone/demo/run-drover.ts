/**
 * @module run-drover: runs the real CLI as a user would, and shows the command as it would be typed.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { say } from './story.ts'

const program = join(import.meta.dirname, '..', '..', 'cli', 'drover.mjs')

/** As a shell needs it. */
const quoted = (argument: string): string =>
  /^[\w./:@=-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`

export interface Drover {
  /** Shown as it would be typed, with what it prints. */
  show(...args: string[]): Promise<void>
  /** @returns its `--json`, not shown. */
  ask(...args: string[]): Promise<unknown>
}

/** Of the service in a data folder. Progress goes to the terminal as it comes. Both throw unless it ends with 0. */
export const droverOf = (dataFolder: string): Drover => {
  const run = async (args: readonly string[]): Promise<string> => {
    const child = spawn(process.execPath, [program, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, DROVER_DATA: dataFolder },
    })
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
    if (code !== 0) throw new Error(`drover ${args.join(' ')} ended with exit code ${code}: ${output}`)
    return output
  }
  return {
    show: async (...args) => {
      say(`$ drover ${args.map(quoted).join(' ')}`)
      say(await run(args))
    },
    ask: async (...args) => JSON.parse(await run([...args, '--json'])),
  }
}
