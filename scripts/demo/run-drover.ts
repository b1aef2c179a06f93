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

/** Progress goes to the terminal as it comes. @throws Error unless it ends with 0. */
export const runDrover =
  (folder: string) =>
  async (...args: string[]): Promise<void> => {
    say(`$ drover ${args.map(quoted).join(' ')}`)
    const child = spawn(process.execPath, [program, ...args], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
    say(output)
    if (code !== 0) throw new Error(`drover ${args[0]} ended with exit code ${code}`)
  }
