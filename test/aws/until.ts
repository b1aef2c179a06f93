import { systemClock } from '#lib/base/clock.ts'

const mostMs = 60_000

/** What is found, once it is. @throws Error: never within a minute. */
export const until = async <T>(what: string, look: () => Promise<T | undefined>): Promise<T> => {
  for (const endMs = Date.now() + mostMs; Date.now() < endMs;) {
    const found = await look()
    if (found !== undefined) return found
    await systemClock.sleep(20)
  }
  throw new Error(`waited too long for ${what}`)
}
