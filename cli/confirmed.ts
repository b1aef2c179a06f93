/**
 * @module confirmed: what throws data away is asked for first, on a terminal; elsewhere it has to be said with --yes.
 */
import type { Session } from './session.ts'
import { UsageError } from './usage-error.ts'

export interface YesOption {
  yes?: boolean
}

export const yesOption = ['--yes', 'do not ask'] as const

/** Before anything is looked at. @throws UsageError. */
export const requireAnswer = ({ ask }: Pick<Session, 'ask'>, { yes }: YesOption, what: string): void => {
  if (yes || ask) return
  throw new UsageError('wrong-usage', `${what} throws data away, and nobody is there to ask`, {
    hint: 'add --yes',
  })
}

/** @throws UsageError `not-confirmed`. */
export const requireYes = async (
  { ask, signal }: Pick<Session, 'ask' | 'signal'>,
  { yes }: YesOption,
  question: string,
): Promise<void> => {
  if (yes || (await ask?.(question, signal))) return
  throw new UsageError('not-confirmed', 'nothing was done, because it was not confirmed', {
    hint: 'answer "y", or add --yes',
  })
}
