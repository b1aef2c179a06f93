/**
 * @module interruption: Ctrl-C and its like: the first one asks the work to stop and clean up, a second one does not wait for that.
 */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'

  constructor() {
    super('interrupted')
  }
}

/** One key press may arrive twice: the terminal signals everything that it runs, and npm and npx pass theirs on. */
const samePressMs = 500

export interface InterruptionEvents {
  onFirst: () => void
  onSecond: () => void
}

/** A signal that SIGINT, SIGTERM or SIGHUP aborts with `Interrupted`. */
export const interruption = ({ onFirst, onSecond }: InterruptionEvents): AbortSignal => {
  const controller = new AbortController()
  let firstAt = 0
  const interrupt = () => {
    if (!controller.signal.aborted) {
      firstAt = Date.now()
      onFirst()
      controller.abort(new Interrupted())
    } else if (Date.now() - firstAt > samePressMs) onSecond()
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, interrupt)
  return controller.signal
}
