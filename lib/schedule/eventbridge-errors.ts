/**
 * @module eventbridge-errors: what EventBridge's errors, and those of the way to it, mean, once asking again did not help.
 *
 * Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html
 */
import { credentialErrors, SdkFailure } from '#lib/base/sdk-failure.ts'
import { ScheduleError, type ScheduleErrorCode } from './schedule-error.ts'

export interface EventbridgeRequest {
  action: string
  /** The rule, or how the rules begin that are looked for. */
  rule: string
}

interface Meaning {
  code: ScheduleErrorCode
  hint: (request: EventbridgeRequest) => string
}

const mayNot: Meaning = {
  code: 'access-denied',
  hint: ({ action, rule }) => `let the role do events:${action} on rule ${rule}`,
}
const unknownToAws: Meaning = {
  code: 'access-denied',
  hint: () => 'check the credentials: that there are some, of this account, and not expired',
}
const throttled: Meaning = {
  code: 'unavailable',
  hint: () => 'the account asks EventBridge for more than 50 things a second: try again',
}
const contended: Meaning = {
  code: 'unavailable',
  hint: () => 'another request changes the same rule: try again',
}
const away: Meaning = {
  code: 'unavailable',
  hint: () => 'try again; check the network, and the health of EventBridge in this region',
}
const refused: Meaning = {
  code: 'failed',
  hint: () => "check what else uses rules with this stack's prefix",
}

const known: Record<string, Meaning> = {
  AccessDeniedException: mayNot,
  ...Object.fromEntries(credentialErrors.map((name) => [name, unknownToAws])),
  ThrottlingException: throttled,
  TooManyRequestsException: throttled,
  ConcurrentModificationException: contended,
}

const meaningOf = ({ name, status }: SdkFailure): Meaning =>
  known[name] ?? (status === 403 ? mayNot : status === undefined || status >= 500 ? away : refused)

export const eventbridgeError = (request: EventbridgeRequest, error: unknown): ScheduleError => {
  const failure = new SdkFailure(error)
  const { code, hint } = meaningOf(failure)
  return new ScheduleError(
    code,
    `${request.action} of rule ${request.rule}: ${failure.name}: ${failure.message}`,
    { hint: hint(request), cause: failure },
  )
}

/** `own`: how many rules of the bus are this stack's, if that could be counted. */
export const tooManyRules = (rule: string, own: number | undefined, error: unknown): ScheduleError => {
  const ours = own === undefined ? '' : `, ${own} of them this installation's`
  return new ScheduleError(
    'too-many-rules',
    `rule ${rule} was not made: the account has all the rules that its event bus may have in this region${ours}`,
    {
      hint: 'a bus has 300 rules, in some regions 100, all stacks of the account together: let one job serve more volumes (groups), delete jobs or rules, or ask AWS for more ("Rules" in the Service Quotas of EventBridge)',
      cause: new SdkFailure(error),
    },
  )
}
