/**
 * @module main: one run of a node's agent: arguments, signals, exit code.
 */
import { once } from 'node:events'
import { readAgentConfig } from '#lib/api/node-enrolment.ts'
import { systemClock } from '#lib/base/clock.ts'
import { CodedError } from '#lib/base/errors.ts'
import { randomIds } from '#lib/base/ids.ts'
import { jsonLog } from '#lib/base/json-log.ts'
import { startAgent } from './agent.ts'
import { agentArguments, usage } from './settings.ts'

/** Less than what those who stop services wait before they kill: systemd 90 s, Docker 10 s. */
const stopWithinMs = 8000

const stopping = new AbortController()
// Once: who sends a second signal does not want to wait.
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stopping.abort())
// Whoever read the log may be gone: the work goes on.
process.stderr.on('error', () => {})

const serve = async (folder: string, isVerbose: boolean): Promise<void> => {
  const log = jsonLog((line) => process.stderr.write(line), systemClock, { isVerbose })
  const config = await readAgentConfig(folder)
  const deps = { clock: systemClock, ids: randomIds, log, env: process.env }
  const agent = await startAgent(deps, { config, folder, signal: stopping.signal })
  if (!stopping.signal.aborted) await once(stopping.signal, 'abort')
  const isStopped = await Promise.race([
    agent.stop().then(
      () => true,
      (error: unknown) => {
        log.error('stopping failed', { error: String(error) })
        return true
      },
    ),
    systemClock.sleep(stopWithinMs).then(() => false),
  ])
  if (!isStopped) log.warn('ending in the midst of work; the next start goes on with it')
}

const run = async (): Promise<number> => {
  try {
    const what = agentArguments(process.argv.slice(2))
    if (what.kind === 'help') process.stdout.write(usage)
    else {
      if (what.untilStdinEnds) process.stdin.resume().once('close', () => stopping.abort())
      await serve(what.folder, what.isVerbose)
    }
    return 0
  } catch (error) {
    if (stopping.signal.aborted) return 0
    const hint = error instanceof CodedError ? error.hint : undefined
    const message = error instanceof CodedError ? error.message : String(error)
    process.stderr.write(`drover agent: ${message}\n${hint === undefined ? '' : `  hint: ${hint}\n`}`)
    return 1
  }
}

process.exit(await run())
