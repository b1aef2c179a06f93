/**
 * @module interruption: Ctrl-C and its like: the first one asks the work to stop and clean up, a second one does not wait for that.
 */
import { once, type EventEmitter } from 'node:events'

export class Interrupted extends Error {
  override readonly name = 'Interrupted'

  constructor() {
    super('interrupted')
  }
}

/** One key press may arrive twice: the terminal signals all that it runs, and npm and npx pass theirs on. */
const samePressMs = 500

export interface InterruptionSettings {
  /** The process. */
  signals: Pick<EventEmitter, 'on'>
  /** In milliseconds. */
  now: () => number
  onFirst: () => void
  onSecond: () => void
}

/** Aborts with `Interrupted` at SIGINT, SIGTERM or SIGHUP. */
export const interruption = ({ signals, now, onFirst, onSecond }: InterruptionSettings): AbortSignal => {
  const controller = new AbortController()
  let firstAt = 0
  const interrupt = () => {
    if (!controller.signal.aborted) {
      firstAt = now()
      onFirst()
      controller.abort(new Interrupted())
    } else if (now() - firstAt > samePressMs) onSecond()
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) signals.on(name, interrupt)
  return controller.signal
}

const abortOf = async (signal: AbortSignal): Promise<never> => {
  if (!signal.aborted) await once(signal, 'abort')
  throw signal.reason
}

/** For reading that cannot be stopped: its result is no longer waited for. */
export const unlessAborted = <T>(signal: AbortSignal, work: Promise<T>): Promise<T> =>
  Promise.race([work, abortOf(signal)])
