/** @module signals: what ends a process that runs until it is told to stop. */

/** One key press may arrive twice: from the terminal, and passed on by npm. */
const samePressMs = 500

/** The first signal; a later one does not wait for what the first began. */
export const untilSignal = (): Promise<void> =>
  new Promise((resolve) => {
    let firstAt: number | undefined
    const onSignal = () => {
      firstAt ??= performance.now()
      resolve()
      if (performance.now() - firstAt > samePressMs) process.exit(130)
    }
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal)
  })
