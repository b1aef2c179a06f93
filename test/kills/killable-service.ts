/**
 * @module killable-service: the service as its user starts it, whose processes are killed: of this test's own alone, by their ids.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { apiClient, type ApiClient } from '#lib/api/client.ts'
import { readLocalServer } from '#lib/api/local-server.ts'
import { requests } from '#lib/api/requests.ts'
import { systemClock } from '#lib/base/clock.ts'
import { freePort } from '../free-port.ts'

export const victims = ['agent', 'control plane', 'both'] as const
export type Victim = (typeof victims)[number]

export interface Service {
  /** Its data. */
  readonly folder: string
  start(): void
  /** Of the node of a cluster; `undefined`: none runs. */
  agentPid(cluster: string): number | undefined
  /** SIGKILL, of what runs. @returns how many processes. */
  kill(victim: Victim, cluster: string): Promise<number>
  /** As Ctrl-C does. @returns the command lines of what is left running. */
  stop(): Promise<string[]>
  /** @throws RequestError, or that there is no server yet. */
  client(): Promise<ApiClient>
}

const main = fileURLToPath(new URL('../../standalone/main.ts', import.meta.url))
const poolGiB = 2
const stopWithinMs = 60_000

const commandLine = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    return ''
  }
}

const childrenOf = (pid: number): number[] => {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    )
  } catch {
    return []
  }
}

/** Whose command lines name the folder. */
const processesOf = (folder: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && commandLine(pid).includes(folder))

const killed = (pid: number): number => {
  try {
    process.kill(pid, 'SIGKILL')
    return 1
  } catch {
    return 0
  }
}

export const killableService = async (folder: string, logPath: string): Promise<Service> => {
  const port = await freePort()
  let child: ChildProcess | undefined
  const agentPid = (cluster: string): number | undefined =>
    childrenOf(child?.pid ?? 0).find((pid) => {
      const line = commandLine(pid)
      return line.includes('agent/main.ts') && line.includes(join(folder, 'nodes', cluster))
    })
  const start = (): void => {
    const log = openSync(logPath, 'a')
    const options = ['--data', folder, '--listen', `127.0.0.1:${port}`, '--pool-size', String(poolGiB)]
    child = spawn(process.execPath, [main, ...options], { stdio: ['ignore', log, log] })
    closeSync(log)
  }
  const ended = async (): Promise<void> => {
    if (child && child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    child = undefined
  }
  return {
    folder,
    start,
    agentPid,
    kill: async (victim, cluster) => {
      const agents = victim === 'both' ? ['primary', 'standby'] : victim === 'agent' ? [cluster] : []
      const pids = agents.flatMap((name) => agentPid(name) ?? [])
      if (victim !== 'agent' && child?.pid !== undefined) pids.unshift(child.pid)
      const count = pids.map(killed).reduce((sum, one) => sum + one, 0)
      if (victim !== 'agent') await ended()
      return count
    },
    stop: async () => {
      child?.kill('SIGTERM')
      await Promise.race([ended(), systemClock.sleep(stopWithinMs)])
      const left = processesOf(folder)
      const lines = left.map(commandLine)
      left.forEach(killed)
      return lines.filter(Boolean)
    },
    client: async () => {
      const server = await readLocalServer(folder)
      if (!server) throw new Error('the service has not started yet')
      return apiClient(requests({ ...server, timeoutMs: 10_000 }))
    },
  }
}
