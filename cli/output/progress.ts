/**
 * @module progress: how far long work is, on stderr: a bar on a terminal, elsewhere a line every 10 s, or nothing.
 */
import { SingleBar } from 'cli-progress'
import { formatBytes } from '#lib/base/sizes.ts'

export interface Step {
  /** `backing up`; a new one begins a new bar. */
  what: string
  done: number
  total: number
  unit: 'bytes' | 'blocks' | 'resources'
}

export interface Progress {
  show(step: Step): void
  /** Ends what is shown. */
  stop(): void
}

/** A clock in milliseconds that never steps back. */
type Stopwatch = () => number

const inUnit = (amount: number, unit: Step['unit']): string =>
  unit === 'bytes' ? formatBytes(Math.round(amount)) : `${Math.round(amount)} ${unit}`

const formatSeconds = (seconds: number): string => {
  const whole = Math.ceil(seconds)
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)]
  const tail = String(whole % 60).padStart(2, '0')
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`
}

/** Amount, rate and remaining time; the latter two once they can be told. */
export const progressParts = (
  { done, total, unit }: Step,
  elapsedMs: number,
): { amount: string; rate: string; left: string } => {
  const amount = `${inUnit(done, unit)} of ${inUnit(total, unit)}`
  // A handful, of which each takes a time of its own.
  if (done === 0 || elapsedMs < 500 || unit === 'resources') return { amount, rate: '', left: '' }
  const perSecond = (done / elapsedMs) * 1000
  return {
    amount,
    rate: `, ${inUnit(perSecond, unit)}/s`,
    left: `, ${formatSeconds((total - done) / perSecond)} left`,
  }
}

export const noProgress: Progress = { show: () => {}, stop: () => {} }

export const barProgress = (
  stream: NodeJS.WriteStream,
  stopwatch: Stopwatch = () => performance.now(),
): Progress => {
  let current: { what: string; startedMs: number; bar: SingleBar } | undefined
  const stop = () => {
    current?.bar.stop()
    current = undefined
  }
  const start = (step: Step) => {
    stop()
    const format = `${step.what} {bar} {percentage}%  {amount}{rate}{left}`
    const bar = new SingleBar({
      format,
      stream,
      barsize: 24,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      clearOnComplete: true,
    })
    bar.start(step.total, step.done, progressParts(step, 0))
    return { what: step.what, startedMs: stopwatch(), bar }
  }
  return {
    show: (step) => {
      if (current?.what !== step.what) current = start(step)
      current.bar.update(step.done, progressParts(step, stopwatch() - current.startedMs))
    },
    stop,
  }
}

const lineEveryMs = 10_000

/** Short work prints nothing. */
export const lineProgress = (
  write: (line: string) => void,
  stopwatch: Stopwatch = () => performance.now(),
): Progress => {
  let current: { what: string; startedMs: number; shownMs: number } | undefined
  return {
    show: (step) => {
      const now = stopwatch()
      if (current?.what !== step.what) current = { what: step.what, startedMs: now, shownMs: now }
      if (now - current.shownMs < lineEveryMs) return
      current.shownMs = now
      const { amount, rate, left } = progressParts(step, now - current.startedMs)
      write(`${step.what}: ${amount}${rate}${left}`)
    },
    stop: () => {
      current = undefined
    },
  }
}
