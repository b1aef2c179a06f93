/**
 * @module session: what one run of a command works with. All that it opens is closed when it ends.
 */
import { systemClock, type Clock } from '#lib/base/clock.ts'
import { randomIds, type Ids } from '#lib/base/ids.ts'
import type { Log } from '#lib/base/log.ts'
import { blockWorkers, type BlockWorkers } from '#lib/backup/block-workers.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { openTarget } from '#lib/target/open-target.ts'
import type { Target } from '#lib/target/target-url.ts'
import type { Progress } from './output/progress.ts'
import type { Outcome, Terminal } from './output/terminal.ts'
import { targetSettings } from './settings.ts'

export interface Session {
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly progress: Progress
  readonly signal: AbortSignal
  readonly workers: BlockWorkers
  open(target: Target): Promise<ObjectStore>
}

/** Runs a command's work; set by main.ts. */
export type Act = (work: (session: Session) => Promise<Outcome>) => Promise<void>

export const withSession = async (
  { log, progress }: Pick<Terminal, 'log' | 'progress'>,
  signal: AbortSignal,
  work: (session: Session) => Promise<Outcome>,
): Promise<Outcome> => {
  await using closing = new AsyncDisposableStack()
  const workers = closing.adopt(blockWorkers(), (pool) => pool.close())
  const open = async (target: Target) => {
    const opened = await openTarget(target, targetSettings)
    closing.defer(() => opened.close())
    return opened.store
  }
  return await work({ clock: systemClock, ids: randomIds, log, progress, signal, workers, open })
}
