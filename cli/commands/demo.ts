/**
 * @module demo: the walk-through of `npm start -- demo`, for who has the command at hand.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import type { Act } from '../session.ts'

const program = fileURLToPath(new URL('../../standalone/main.ts', import.meta.url))

export const addDemo = (parent: Command, act: Act): void => {
  parent
    .command('demo')
    .description(
      'a walk-through on this machine: volumes, a job, backups, restores; it proves what it shows (root, 4 minutes)',
    )
    .addHelpText('after', '\nExample:\n  $ sudo npx drover demo')
    .action(() =>
      act(async () => {
        const child = spawn(process.execPath, [program, 'demo'], {
          stdio: ['ignore', process.stderr, process.stderr],
        })
        const [code] = await once(child, 'exit')
        return { json: { isProven: code === 0 }, text: '', exit: code === 0 ? 'done' : 'failed' }
      }),
    )
}
