/**
 * @module agent: a node's: performs the operations of its volumes, and tells the control plane what it holds.
 *
 * It has a pool, and a folder with its config (`agent.json`) and its journal (`journal.sqlite`). The workload's data path is the
 * kernel's alone: volumes stay attached, and can be written to, while there is no agent.
 */
import { join } from 'node:path'
import type { AgentConfig } from '#lib/api/node-enrolment.ts'
import { RequestError } from '#lib/api/requests.ts'
import { blockWorkers, type BlockWorkers } from '#lib/backup/block-workers.ts'
import type { Clock } from '#lib/base/clock.ts'
import type { Ids } from '#lib/base/ids.ts'
import type { Log } from '#lib/base/log.ts'
import { httpQueue } from '#lib/operation/http-queue.ts'
import { openJournal, type Journal } from '#lib/operation/journal.ts'
import { isEnd, type Report } from '#lib/operation/report.ts'
import { backupPerformers } from '#lib/perform/backup-performers.ts'
import { ProcessEnding } from '#lib/perform/performer.ts'
import { storePerformers } from '#lib/perform/store-performers.ts'
import { volumePerformers } from '#lib/perform/volume-performers.ts'
import { worker } from '#lib/perform/worker.ts'
import { VolumeError } from '#lib/volume/volume-error.ts'
import { openPool, type Pool } from '#lib/volume/pool.ts'
import { commandQueue, type CommandQueue } from './command-queue.ts'
import { heartbeats, type Heartbeats } from './heartbeats.ts'
import { isRefused, nodeApi, type NodeApi } from './node-api.ts'
import { patient, refusedPauseMs } from './patient.ts'
import { targetAccesses } from './target-access.ts'
import { agentVersion } from './version.ts'

export interface AgentDeps {
  clock: Clock
  ids: Ids
  log: Log
  fetch?: typeof globalThis.fetch | undefined
  /** Of the process: proxies on the way to its queue. */
  env?: Readonly<Record<string, string | undefined>> | undefined
}

export interface AgentSettings {
  config: AgentConfig
  /** With its config; its journal comes there. */
  folder: string
  /** Gives up the start. */
  signal?: AbortSignal | undefined
}

export interface RunningAgent {
  /** Leaves what is under way for the next start. */
  stop(): Promise<void>
}

interface Parts extends AgentDeps {
  api: NodeApi
  pool: Pool
  journal: Journal
  workers: BlockWorkers
  beats: Heartbeats
  commands: CommandQueue
  signal: AbortSignal
}

const poolWaitMs = 30_000
const poolPauseMs = 250
const heartbeatMs = 30_000
/** The service may just be starting. */
const failedHeartbeatMs = 5000
const outboxPauseMs = 250
/** Where requests are paid for, beginnings are told with what comes of them if that is soon. */
const costlyReportMs = 5000
const dayMs = 24 * 3600_000
/** How long an id is known beyond its command's expiry, so that it is reported on again if it is asked about. */
const keepIdsMs = 7 * dayMs

/** Programs that a predecessor started, and that outlived it, hold the pool for a moment. @throws VolumeError. */
const openPoolWhenFree = async (
  { clock, ids, log }: AgentDeps,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<Pool> => {
  const untilMs = clock.now().getTime() + poolWaitMs
  for (;;) {
    try {
      return await openPool({ folder, clock, ids, log })
    } catch (error) {
      const isBusy = error instanceof VolumeError && error.code === 'pool-busy'
      if (!isBusy || clock.now().getTime() >= untilMs) throw error
    }
    await clock.sleep(poolPauseMs, signal)
  }
}

/** Sent again it would be refused again: of another node that had this folder before, or too large. */
const isRefusedForGood = (error: unknown): boolean =>
  error instanceof RequestError && [400, 409, 413].includes(error.status ?? 0)

/** What can come right is thrown, and comes again; what cannot must not keep all that follows from being told. */
const reportAll = async (parts: Parts, reports: readonly Report[]): Promise<void> => {
  try {
    await parts.api.report(reports)
  } catch (error) {
    const [first, ...others] = reports
    if (!first || !isRefusedForGood(error)) throw error
    if (others.length > 0) for (const report of reports) await reportAll(parts, [report])
    else parts.log.error('report refused; left out', { operation: first.operationId, error: String(error) })
  }
}

/** Who hears that an operation ended finds in the catalog what came of it. */
const sendReports = async (parts: Parts, reports: readonly Report[]): Promise<void> => {
  const { beats, log, signal } = parts
  if (reports.some(isEnd))
    await beats.tellChanges().catch((error: unknown) => {
      const mayComeRight = error instanceof RequestError && !isRefusedForGood(error)
      if (signal.aborted || mayComeRight) throw error
      log.error('what the node holds cannot be told', { error: String(error) })
    })
  await reportAll(parts, reports)
}

const workerOf = (parts: Parts) => {
  const { api, pool, journal, commands, clock, log, signal } = parts
  const { mayBegin, openTarget } = targetAccesses({ api, clock, log, env: parts.env })
  const patientAsk = patient(clock, signal)
  const patientReceive = patient(clock, signal)
  const patientReport = patient(clock, signal)
  const receive: typeof commands.receive = (...of) => patientReceive(() => commands.receive(...of))
  const deps = { ...parts, openTarget }
  return worker(
    {
      queue: { receive },
      journal,
      performers: { ...volumePerformers(pool), ...storePerformers(deps), ...backupPerformers(deps) },
      mayBegin: (command) => patientAsk(() => mayBegin(command)),
      sendReports: (reports) => patientReport(() => sendReports(parts, reports)),
      clock,
      serverNow: api.serverNow,
      log,
    },
    {
      pauseMs: outboxPauseMs,
      patienceMs: () => (commands.idleHeartbeatMs() === undefined ? 0 : costlyReportMs),
    },
  )
}

const beatForever = async ({ beats, commands, journal, clock, log, signal }: Parts): Promise<void> => {
  let pauseMs = heartbeatMs
  const tell = (error: unknown): void => {
    if (signal.aborted) return
    pauseMs = isRefused(error) ? refusedPauseMs : failedHeartbeatMs
    if (isRefused(error))
      log.error('the control plane refuses this node: it was removed, or its token was', {
        error: String(error),
        hint: 'remove agent.json and join again, with: drover node join',
      })
    else log.warn('heartbeat failed; trying again', { error: String(error) })
  }
  for (;;) {
    pauseMs = journal.unfinishedIds().length === 0 ? (commands.idleHeartbeatMs() ?? heartbeatMs) : heartbeatMs
    await beats.beat().catch(tell)
    await clock.sleep(pauseMs, signal)
  }
}

const forgetDaily = async ({ api, journal, clock, signal }: Parts): Promise<void> => {
  for (;;) {
    journal.forget(new Date(api.serverNow().getTime() - keepIdsMs))
    await clock.sleep(dayMs, signal)
  }
}

const untilStopped = ({ log, signal }: Parts, loop: Promise<void>): Promise<void> =>
  loop.catch((error: unknown) => {
    if (!signal.aborted) log.error('a part of the agent ended', { error: String(error) })
  })

/** @throws VolumeError if the pool cannot be had. */
export const startAgent = async (
  deps: AgentDeps,
  { config, folder, signal: startSignal }: AgentSettings,
): Promise<RunningAgent> => {
  const { clock, log } = deps
  const { url, token, node } = config
  const stopping = new AbortController()
  const { signal } = stopping
  await using opened = new AsyncDisposableStack()
  const api = nodeApi(clock, { url, token, fetch: deps.fetch, signal })
  const pool = await openPoolWhenFree(deps, config.pool, startSignal)
  opened.defer(() => pool.close())
  const journal = openJournal({ path: join(folder, 'journal.sqlite'), node, now: api.serverNow })
  opened.defer(() => journal.close())
  const workers = blockWorkers()
  opened.defer(() => workers.close())
  const version = agentVersion()
  const beats = heartbeats({ api, pool, journal, clock, log, version })
  const overHttp = httpQueue({ service: api, clock, log })
  const commands = commandQueue({ api, overHttp, clock, log, env: deps.env ?? {} })
  const parts: Parts = { ...deps, api, pool, journal, workers, beats, commands, signal }
  log.info('agent started', { node, cluster: config.cluster, version, pool: pool.folder, url })
  const running = workerOf(parts).start()
  const loops = [beatForever(parts), forgetDaily(parts)].map((loop) => untilStopped(parts, loop))
  const resources = opened.move()
  return {
    stop: async () => {
      const left = running.stop()
      stopping.abort(new ProcessEnding('the agent stops'))
      await Promise.all([left, ...loops])
      await resources.disposeAsync()
      log.info('agent stopped', { node })
    },
  }
}
