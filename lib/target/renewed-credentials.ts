/**
 * @module renewed-credentials: credentials that end, for work that lasts longer: asked for anew before they end. When no new ones are
 * to be had for now, those there are used to their end, and then it is waited for a while.
 *
 * The SDK calls it for the first request, from 5 minutes before the end on for each, and when it was told that they have ended.
 */
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'

export interface EndingCredentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
  /** By this machine's clock, as the SDK reads it. Absent: they do not end. */
  expiration?: Date
}

export type RenewedCredentials = (options?: { forceRefresh?: boolean }) => Promise<EndingCredentials>

export interface RenewedCredentialsDeps {
  ask: () => Promise<EndingCredentials>
  /** Whether it may be had by asking again. */
  mayComeRight: (error: unknown) => boolean
  clock: Clock
  log: Log
}

const pauseMs = 15_000
const patienceMs = 120_000

/** `given`: what is used before anything is asked. What `ask` throws, it throws. */
export const renewedCredentials = (
  { ask, mayComeRight, clock, log }: RenewedCredentialsDeps,
  given?: EndingCredentials,
): RenewedCredentials => {
  let held: EndingCredentials | undefined
  let triedMs = Number.NEGATIVE_INFINITY
  const nowMs = () => clock.now().getTime()

  const insistently = async (untilMs: number): Promise<EndingCredentials> => {
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        if (!mayComeRight(error) || nowMs() >= untilMs) throw error
        log.warn('credentials not renewed; asking again', { error: String(error) })
      }
      await clock.sleep(pauseMs)
    }
  }

  const renew = async (isGood: boolean): Promise<EndingCredentials> => {
    const isFirst = held === undefined
    const unlessGood = isGood ? held : undefined
    if (unlessGood && nowMs() - triedMs < pauseMs) return unlessGood
    triedMs = nowMs()
    try {
      held = await (isFirst || unlessGood ? ask() : insistently(nowMs() + patienceMs))
    } catch (error) {
      if (!unlessGood || !mayComeRight(error)) throw error
      log.warn('credentials not renewed; those there are used on', { error: String(error) })
      return unlessGood
    }
    return held
  }

  return async ({ forceRefresh = false } = {}) => {
    if (!held && given && !forceRefresh) {
      held = given
      return held
    }
    const endsMs = held?.expiration?.getTime() ?? 0
    return renew(!forceRefresh && endsMs > nowMs())
  }
}
