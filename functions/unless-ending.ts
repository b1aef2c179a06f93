/**
 * @module unless-ending: work that may take longer than there is time for: what comes after it must still be done.
 */
import { FunctionError } from './function-error.ts'

const timeIsUp = (): FunctionError =>
  new FunctionError('incomplete', 'time was up before it was done', { hint: 'it is tried again by itself' })

/** Work that is not waited for any more goes on for as long as its process is there. @throws FunctionError `incomplete`, when time is up. */
export const unlessEnding = async <T>(ending: AbortSignal, work: () => Promise<T>): Promise<T> => {
  if (ending.aborted) throw timeIsUp()
  const over = new AbortController()
  const ended = new Promise<never>((_, reject) => {
    ending.addEventListener('abort', () => reject(timeIsUp()), { once: true, signal: over.signal })
  })
  try {
    return await Promise.race([work(), ended])
  } finally {
    over.abort()
  }
}
