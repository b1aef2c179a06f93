/**
 * @module tell-overdue: how many volumes are without the backup that was due, for the alarm. Looks at each volume's operations: not each
 * minute.
 */
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import type { OverdueVolume } from '#lib/jobs/overdue-volumes.ts'
import { metricLine } from './metrics.ts'

export interface TellOverdueDeps {
  findOverdue: () => Promise<OverdueVolume[]>
  clock: Pick<Clock, 'now'>
  log: Pick<Log, 'warn'>
  /** Into the function's log, of which CloudWatch reads metrics. */
  print: (line: string) => void
}

/** Twice in the alarm's period, so that one that is missed is no silence. */
const everyMinutes = 15

export const tellOverdue =
  (stack: string, { findOverdue, clock, log, print }: TellOverdueDeps) =>
  async (): Promise<void> => {
    const now = clock.now()
    if (now.getUTCMinutes() % everyMinutes !== 0) return
    const overdue = await findOverdue()
    for (const each of overdue) log.warn('backup overdue', { ...each })
    print(`${metricLine(stack, 'OverdueVolumes', overdue.length, now)}\n`)
  }
