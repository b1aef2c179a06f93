/**
 * @module stand-in-node: does what a node's agent does, without a pool: takes commands from the node's queue, once per id, makes real backups
 * of volumes that are words (letter-volume.ts), and reports over the API. A deletion takes the configuration alone: what else goes
 * with a backup, and its locks, others show.
 */
import { createBackup } from '#lib/backup/create-backup.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import { systemClock } from '#lib/base/clock.ts'
import { randomIds } from '#lib/base/ids.ts'
import type { JsonObject } from '#lib/operation/json.ts'
import { silentLog } from '#lib/base/log.ts'
import { readCommand, type PerformCommand } from '#lib/operation/command.ts'
import type { ParametersOf } from '#lib/operation/operation-kinds.ts'
import type { Report, ReportEvent } from '#lib/operation/report.ts'
import { letterSource } from '#test/letter-volume.ts'
import { node, type Estate } from './small-estate.ts'

export interface StandInNode {
  /** By id, each that was performed. */
  performed: Map<string, PerformCommand>
  stop(): Promise<void>
}

/** By the minute of the operation: another content each time. */
const wordOf = (operationId: string): string => `A${'BCDEFG'.charAt(Number(operationId.slice(9, 11)) % 6)}`

const made = async (
  { world: { store } }: Estate,
  { operationId, parameters }: PerformCommand,
): Promise<JsonObject> => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its schema has looked at them, by kind
  const { backupVolume, backup, lock, labels } = parameters as ParametersOf<'create-backup'>
  await createBackup({ store, clock: systemClock, ids: randomIds, log: silentLog })({
    volumeName: backupVolume,
    backupName: backup,
    lockName: lock,
    source: letterSource(wordOf(operationId)),
    labels,
  })
  return { outcome: 'made' }
}

const deleted = async ({ world: { store } }: Estate, { parameters }: PerformCommand): Promise<JsonObject> => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its schema has looked at them, by kind
  const { backupVolume, backup } = parameters as ParametersOf<'delete-backup'>
  await store.deleteMany([volumeKeys(backupVolume).backupConfig(backup)])
  return {}
}

const perform = (estate: Estate, command: PerformCommand): Promise<JsonObject> => {
  if (command.kind === 'create-backup') return made(estate, command)
  if (command.kind === 'delete-backup') return deleted(estate, command)
  throw new Error(`the stand-in performs no ${command.kind}`)
}

const reportsOf = (operationId: string, events: readonly ReportEvent[]): Report[] =>
  events.map((event, at) => ({
    version: 1,
    operationId,
    node,
    sequence: at + 1,
    at: new Date().toISOString(),
    event,
  }))

export const startStandInNode = (estate: Estate): StandInNode => {
  const performed = new Map<string, PerformCommand>()
  const stopping = new AbortController()
  const take = async (body: string): Promise<void> => {
    const read = readCommand(JSON.parse(body))
    if (read.kind === 'unreadable') throw new Error(read.reason)
    const { command } = read
    if (command.command === 'cancel' || performed.has(command.operationId)) return
    performed.set(command.operationId, command)
    const result = await perform(estate, command)
    const events = [
      { kind: 'accepted' as const },
      { kind: 'progress' as const, progress: null },
      { kind: 'succeeded' as const, result },
    ]
    await estate.report(reportsOf(command.operationId, events))
  }
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const commands = await estate.world.takeCommands(node)
      await Promise.all(commands.map(take))
      if (commands.length === 0) await systemClock.sleep(20)
    }
  }
  const running = run()
  return {
    performed,
    stop: async () => {
      stopping.abort()
      await running
    },
  }
}
