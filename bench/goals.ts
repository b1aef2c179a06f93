/**
 * @module goals: what the project promised of its speed, held against what was measured.
 */
import { MiB } from '#lib/base/sizes.ts'
import type { PlaceKind } from './places.ts'
import type { Row, Step } from './report.ts'
import type { ToolName } from './tools.ts'

export interface Goal {
  what: string
  /** `undefined`: not measured in this run. */
  reached: number | undefined
  isReached: boolean | undefined
}

const maxPeakMiB = 300

export const goalsOf = (rows: readonly Row[]): Goal[] => {
  /** With the compression that is each tool's default. */
  const secondsOf = (tool: ToolName, place: PlaceKind, step: Step): number | undefined =>
    rows.find(
      (row) => row.tool === tool && row.place === place && row.step === step && row.compression !== 'none',
    )?.seconds
  const faster = (other: ToolName, place: PlaceKind, step: Step, atLeast: number, ours = step): Goal => {
    const [drover, others] = [secondsOf('drover', place, ours), secondsOf(other, place, step)]
    const reached = drover === undefined || others === undefined ? undefined : others / drover
    return {
      what: `${place}, ${ours}: at least ${decimal(atLeast)} × as fast as ${other}`,
      reached,
      isReached: reached === undefined ? undefined : reached >= atLeast,
    }
  }
  return [
    faster('borg', 'folder', 'full', 1.2),
    faster('borg', 'folder', 'restore', 1.3),
    faster('borg', 'folder', 'incremental', 3),
    faster('borg', 'folder', 'incremental', 3, 'told'),
    faster('restic', 'minio', 'full', 1.3),
    faster('restic', 'minio', 'incremental', 1.3),
    faster('restic', 'minio', 'restore', 1.3),
    peak(rows),
  ]
}

const decimal = (value: number): string => value.toFixed(1).replace(/\.0$/, '')

const peak = (rows: readonly Row[]): Goal => {
  const peaks = rows.filter((row) => row.tool === 'drover').map((row) => row.peakRssBytes / MiB)
  const reached = peaks.length === 0 ? undefined : Math.max(...peaks)
  return {
    what: `Drover's peak memory, anywhere: at most ${maxPeakMiB} MiB`,
    reached,
    isReached: reached === undefined ? undefined : reached <= maxPeakMiB,
  }
}

const verdict = ({ reached, isReached }: Goal): string => {
  if (reached === undefined) return 'not measured'
  const value = reached.toFixed(reached < 10 ? 2 : 0)
  return isReached ? `reached: ${value}` : `NOT reached: ${value}`
}

export const goalsText = (goals: readonly Goal[]): string =>
  goals.map((goal) => `${goal.what}: ${verdict(goal)}`).join('\n')
