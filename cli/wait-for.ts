/**
 * @module wait-for: operations of the service: issuing them, and waiting for their end.
 *
 * Ctrl-C ends the waiting, never by itself the operation.
 */
import type { ApiClient } from '#lib/api/client.ts'
import type { Asked } from '#lib/api/client-calls.ts'
import { RequestError } from '#lib/api/requests.ts'
import type { Operation } from './answers.ts'
import type { Session } from './session.ts'

export type Waiting = Pick<Session, 'clock' | 'ids' | 'progress' | 'ask' | 'signal'>

const isEnded = ({ state }: Pick<Operation, 'state'>): boolean =>
  state === 'succeeded' || state === 'failed' || state === 'cancelled'

const firstPauseMs = 500
const longestPauseMs = 2000

/** A service that is being started again is there within that many pauses. */
const mostTriesOfWaiting = 15
const mostTriesOfIssuing = 3

const codeOf = (error: unknown): unknown => {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error ? ('code' in cause ? cause.code : codeOf(cause)) : undefined
}

/** Nobody answered, or somebody before the API that it has no answer: API Gateway, a proxy. */
const isAway = (error: unknown): boolean =>
  error instanceof RequestError && (error.code === 'unreachable' || error.code === 'unavailable')

const patiently = async <T>(
  { clock, signal }: Pick<Waiting, 'clock' | 'signal'>,
  mostTries: number,
  mayTryAgain: (error: unknown) => boolean,
  work: () => Promise<T>,
): Promise<T> => {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (tries >= mostTries || !mayTryAgain(error)) throw error
      await clock.sleep(Math.min(firstPauseMs * tries, longestPauseMs), signal)
    }
  }
}

/** A service that is being started again is waited for. */
export const whenReachable = <T>(
  session: Pick<Waiting, 'clock' | 'signal'>,
  work: () => Promise<T>,
): Promise<T> => patiently(session, mostTriesOfWaiting, isAway, work)

/** With a key of its own, by which a request whose answer was lost is known again. Where nobody listened nothing was lost. */
export const issue = <T>(
  session: Pick<Waiting, 'clock' | 'ids' | 'signal'>,
  ask: (asked: Asked) => Promise<T>,
): Promise<T> => {
  const idempotencyKey = session.ids.name('request')
  return patiently(
    session,
    mostTriesOfIssuing,
    (error) => isAway(error) && codeOf(error) !== 'ECONNREFUSED',
    () => ask({ idempotencyKey }),
  )
}

const showProgress = ({ progress }: Pick<Waiting, 'progress'>, operation: Operation): void => {
  if (!operation.progress) return
  const { phase, doneBytes, totalBytes } = operation.progress
  progress.show({
    what: phase,
    done: doneBytes,
    total: totalBytes,
    // Verification counts in blocks, by the same names.
    unit: operation.kind === 'verify-backup' ? 'blocks' : 'bytes',
  })
}

/** Each state of it in turn, up to its end; asks every half second at first, then every two. */
export const statesOf = async function* (
  session: Pick<Waiting, 'clock' | 'signal'>,
  client: Pick<ApiClient, 'operations'>,
  first: Operation,
): AsyncGenerator<Operation> {
  let operation = first
  yield operation
  for (let pauseMs = firstPauseMs; !isEnded(operation); pauseMs = Math.min(pauseMs * 1.25, longestPauseMs)) {
    await session.clock.sleep(pauseMs, session.signal)
    operation = await whenReachable(session, () => client.operations.show(first.id))
    yield operation
  }
}

/** Somebody who can answer is asked; a second Ctrl-C ends the process in the middle of the question. */
const askToCancel = async (
  { ask, progress }: Waiting,
  client: Pick<ApiClient, 'operations'>,
  { id }: Operation,
): Promise<boolean> => {
  progress.stop()
  const { signal } = new AbortController()
  if (!(await ask?.(`cancel operation ${id} too?`, signal))) return false
  // Not said to be told to end, it is said to go on, which is then true.
  const asked = client.operations.cancel(id, { signal })
  return asked.then(
    () => true,
    () => false,
  )
}

export type Waited =
  | { kind: 'ended'; operation: Operation }
  /** By Ctrl-C. */
  | { kind: 'left'; operation: Operation; isCancelAsked: boolean }

export const waitFor = async (
  session: Waiting,
  client: Pick<ApiClient, 'operations'>,
  issued: Operation,
): Promise<Waited> => {
  let operation = issued
  try {
    for await (operation of statesOf(session, client, issued)) showProgress(session, operation)
    return { kind: 'ended', operation }
  } catch (error) {
    if (!session.signal.aborted) throw error
    return { kind: 'left', operation, isCancelAsked: await askToCancel(session, client, operation) }
  }
}
