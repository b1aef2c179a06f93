/**
 * @module stopping-host.contract: a host that fails at one of its calls: once, or for good, as the process that works with it dies.
 */
import type { Host } from './host.ts'

export interface StoppingHost {
  host: Host
  /** Its calls count from now on; before, it is the machine as it is. */
  begin(): void
  /** It is the machine as it is again. */
  end(): void
  /** Names of those that counted, with those that failed. */
  calls: readonly string[]
  /** What outlived the process: its watchdogs. */
  stopWatchdogs(): void
}

/** Does its call number `at`, counted from 0, not at all or just still, then fails at it, and unless `isOnce` at every later one. */
export const stoppingHost = (
  real: Host,
  at: number,
  when: 'before' | 'after',
  { isOnce = false } = {},
): StoppingHost => {
  const calls: string[] = []
  let isBegun = false
  const watchdogs: { stop(): void }[] = []
  const stopped = () => new Error(`the process ended ${when} call ${at}`)
  const stopping =
    <Args extends unknown[], Result>(name: string, call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      if (!isBegun) return call(...args)
      const index = calls.length
      calls.push(name)
      if ((index > at && !isOnce) || (index === at && when === 'before')) throw stopped()
      const result = await call(...args)
      if (index === at) throw stopped()
      return result
    }
  const startWatchdog = async (...args: Parameters<Host['startWatchdog']>) => {
    const watchdog = await real.startWatchdog(...args)
    watchdogs.push(watchdog)
    return watchdog
  }
  return {
    begin: () => (isBegun = true),
    end: () => (isBegun = false),
    calls,
    stopWatchdogs: () => watchdogs.forEach(({ stop }) => stop()),
    host: {
      ask: stopping('ask', real.ask),
      run: stopping('run', real.run),
      startWatchdog: stopping('startWatchdog', startWatchdog),
      makeFolder: stopping('makeFolder', real.makeFolder),
      removeTree: stopping('removeTree', real.removeTree),
      makeFile: stopping('makeFile', real.makeFile),
      resizeFile: stopping('resizeFile', real.resizeFile),
      cloneFile: stopping('cloneFile', real.cloneFile),
      sync: stopping('sync', real.sync),
      setMode: stopping('setMode', real.setMode),
      writeRecord: stopping('writeRecord', real.writeRecord),
    },
  }
}
