/**
 * @module agent-process: an agent as a child process: started again when it ends, and ended with the service, whatever ends that.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'

export interface AgentProcess {
  pid(): number | undefined
  stop(): Promise<void>
}

export interface AgentProcessSettings {
  node: string
  /** Of its agent.json. */
  folder: string
  env?: Record<string, string> | undefined
  /** Default: its log comes with ours, on stderr. */
  isQuiet?: boolean | undefined
}

const main = fileURLToPath(new URL('../agent/main.ts', import.meta.url))
const firstPauseMs = 1000
const longestPauseMs = 30_000
/** One that ran for this long is started again at once. */
const healthyMs = 60_000
/** What it has begun it leaves off in moments; a freeze is thawed by its watchdog. */
const killAfterMs = 20_000

export const startAgentProcess = (
  { clock, log }: { clock: Clock; log: Log },
  { node, folder, env, isQuiet = false }: AgentProcessSettings,
): AgentProcess => {
  const stopping = new AbortController()
  let child: ReturnType<typeof spawn> | undefined
  const runOnce = async (): Promise<void> => {
    // It stops when its stdin ends, which the kernel sees to if this process dies.
    const started = spawn(process.execPath, [main, '--folder', folder, '--until-stdin-ends'], {
      stdio: ['pipe', 'ignore', isQuiet ? 'ignore' : 'inherit'],
      env: { ...process.env, ...env },
      detached: true,
    })
    child = started
    const [code, signal] = await once(started, 'exit')
    if (!stopping.signal.aborted) log.warn('agent ended; starting it again', { node, code, signal })
  }
  const keepRunning = async (): Promise<void> => {
    let pauseMs = firstPauseMs
    while (!stopping.signal.aborted) {
      const startedAt = clock.now().getTime()
      await runOnce().catch((error: unknown) =>
        log.error('agent not started', { node, error: String(error) }),
      )
      pauseMs =
        clock.now().getTime() - startedAt >= healthyMs ? firstPauseMs : Math.min(pauseMs * 2, longestPauseMs)
      await clock.sleep(pauseMs, stopping.signal).catch(() => undefined)
    }
  }
  const running = keepRunning()
  return {
    pid: () => child?.pid,
    stop: async () => {
      stopping.abort()
      child?.kill('SIGTERM')
      const killing = setTimeout(() => child?.kill('SIGKILL'), killAfterMs)
      await running
      clearTimeout(killing)
    },
  }
}
