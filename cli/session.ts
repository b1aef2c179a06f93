/**
 * @module session: what one run of a command works with. Its threads end with it.
 */
import type { Clock } from '#lib/base/clock.ts'
import { randomIds, type Ids } from '#lib/base/ids.ts'
import type { Log } from '#lib/base/log.ts'
import { blockWorkers, type BlockWorkers } from '#lib/backup/block-workers.ts'
import type { Progress } from './output/progress.ts'
import type { Ask, AskText, Outcome, Tell, Terminal } from './output/terminal.ts'

export interface Session {
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly progress: Progress
  /** `undefined`: nobody is there to answer. */
  readonly ask: Ask | undefined
  readonly askText: AskText | undefined
  readonly tell: Tell
  readonly signal: AbortSignal
  readonly workers: BlockWorkers
}

/** Runs a command's work; set by main.ts. */
export type Act = (work: (session: Session) => Promise<Outcome>) => Promise<void>

export const withSession = async (
  { log, progress, ask, askText, tell }: Pick<Terminal, 'log' | 'progress' | 'ask' | 'askText' | 'tell'>,
  clock: Clock,
  signal: AbortSignal,
  work: (session: Session) => Promise<Outcome>,
): Promise<Outcome> => {
  const workers = blockWorkers()
  try {
    return await work({ clock, ids: randomIds, log, progress, ask, askText, tell, signal, workers })
  } finally {
    await workers.close()
  }
}
