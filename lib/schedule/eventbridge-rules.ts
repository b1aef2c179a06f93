/**
 * @module eventbridge-rules: each job's rule on EventBridge's default bus, which wakes run-recurring-job.
 *
 * A rule is made of two things, itself and its target, and whoever makes it may die between the two. So the target comes first
 * and the description, which tells of both, last; a rule that is new gets its target after, and one without is known by
 * EventBridge's own list of the rules that have it. A rule that is not whole is listed with no cron expression: it equals no
 * job's, so that it is put again, or removed (lib/jobs/sync-rules.ts). Every step may be repeated.
 * Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
 */
import {
  DeleteRuleCommand,
  type EventBridgeClient,
  LimitExceededException,
  ListRuleNamesByTargetCommand,
  ListRulesCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  ResourceNotFoundException,
  type Rule,
} from '@aws-sdk/client-eventbridge'
import { gathered } from '#lib/base/gathered.ts'
import { parseCron } from './cron-expression.ts'
import { eventBridgeCron } from './eventbridge-cron.ts'
import { eventbridgeError, tooManyRules } from './eventbridge-errors.ts'
import {
  readTickDescription,
  ruleNameOf,
  tickDescription,
  tickDigest,
  tickTarget,
  tickTargetId,
  type TickTarget,
} from './eventbridge-tick.ts'
import { ScheduleError } from './schedule-error.ts'
import type { ScheduleRule, ScheduleRules } from './schedule-rules.ts'

export interface EventbridgeRulesDeps {
  client: Pick<EventBridgeClient, 'send'>
}

export interface EventbridgeRulesSettings {
  /** How the names of this installation's rules begin; then comes the job's. Letters, digits, `.`, `-`, `_`. */
  prefix: string
  /** Of run-recurring-job. */
  targetArn: string
  /** Of the queue for ticks that could not be delivered. */
  deadLetterArn: string
  /** On rules that are new: PutRule does not change those of one that is there. */
  tags: Readonly<Record<string, string>>
}

/** Nothing that is not there is missed. */
const unlessGone = async (work: () => Promise<unknown>): Promise<boolean> => {
  try {
    await work()
    return true
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return false
    throw error
  }
}

interface FailedEntries {
  FailedEntries?: { ErrorCode?: string | undefined; ErrorMessage?: string | undefined }[] | undefined
}

const refuseFailed = ({ FailedEntries: [failed] = [] }: FailedEntries): void => {
  if (!failed) return
  throw Object.assign(new Error(failed.ErrorMessage), {
    name: failed.ErrorCode ?? 'Error',
    $metadata: { httpStatusCode: 200 },
  })
}

/** All pages of a list. */
const paged = async function* <Item>(
  page: (token: string | undefined) => Promise<{ items: Item[] | undefined; next: string | undefined }>,
): AsyncGenerator<Item> {
  let token: string | undefined
  do {
    const { items = [], next } = await page(token)
    yield* items
    token = next
  } while (token !== undefined)
}

/** What EventBridge says no to, in our words. */
const asked = async <T>(action: string, rule: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw error instanceof ScheduleError ? error : eventbridgeError({ action, rule }, error)
  }
}

const listing = ({ client }: EventbridgeRulesDeps, { prefix, targetArn }: EventbridgeRulesSettings) => ({
  /** Without rules of an event pattern, and of AWS's own: none of ours is either. */
  rules: (): Promise<Rule[]> =>
    asked('ListRules', `${prefix}*`, async () => {
      const pages = paged<Rule>(async (NextToken) => {
        const page = await client.send(new ListRulesCommand({ NamePrefix: prefix, NextToken }))
        return { items: page.Rules, next: page.NextToken }
      })
      const rules = await gathered(pages)
      return rules.filter(({ EventPattern, ManagedBy }) => !EventPattern && !ManagedBy)
    }),
  /** The names of the rules that have the target, of other installations too. */
  withTarget: (): Promise<string[]> =>
    asked('ListRuleNamesByTarget', '*', () =>
      gathered(
        paged(async (NextToken) => {
          const page = await client.send(
            new ListRuleNamesByTargetCommand({ TargetArn: targetArn, NextToken }),
          )
          return { items: page.RuleNames, next: page.NextToken }
        }),
      ),
    ),
})

const written = (settings: EventbridgeRulesSettings, { name, cron, isEnabled }: ScheduleRule) => {
  const expression = eventBridgeCron(parseCron(cron))
  const target = tickTarget(name, settings)
  const rule = {
    Name: ruleNameOf(settings.prefix, name),
    ScheduleExpression: expression,
    State: isEnabled ? 'ENABLED' : 'DISABLED',
    Description: tickDescription({ job: name, cron, digest: tickDigest(expression, target) }),
    Tags: Object.entries(settings.tags).map(([Key, Value]) => ({ Key, Value })),
  } as const
  return { rule, target }
}

/** @returns `undefined`: it is another installation's, whose prefix begins as ours. */
const readRule = (
  settings: EventbridgeRulesSettings,
  withTarget: ReadonlySet<string>,
  { Name = '', Description, ScheduleExpression = '', State }: Rule,
): ScheduleRule | undefined => {
  const told = readTickDescription(Description)
  // The name of one that cannot be read leads back to it. Without our target it may be anybody's: of a stack called `drover-job-x`.
  if (!told)
    return withTarget.has(Name)
      ? { name: Name.slice(settings.prefix.length), cron: '', isEnabled: false }
      : undefined
  const { job: name, cron, digest } = told
  if (ruleNameOf(settings.prefix, name) !== Name) return undefined
  const isWhole =
    withTarget.has(Name) && digest === tickDigest(ScheduleExpression, tickTarget(name, settings))
  return { name, cron: isWhole ? cron : '', isEnabled: State === 'ENABLED' }
}

/** @throws ScheduleError `too-many-rules`, `access-denied`, `unavailable`, `failed`, from all its methods. */
export const eventbridgeRules = (
  deps: EventbridgeRulesDeps,
  settings: EventbridgeRulesSettings,
): ScheduleRules => {
  const { client } = deps
  const list = listing(deps, settings)

  const putTarget = (Rule: string, target: TickTarget): Promise<boolean> =>
    asked('PutTargets', Rule, () =>
      unlessGone(async () =>
        refuseFailed(await client.send(new PutTargetsCommand({ Rule, Targets: [target] }))),
      ),
    )
  const putRule = (rule: ReturnType<typeof written>['rule']): Promise<void> =>
    asked('PutRule', rule.Name, async () => {
      try {
        await client.send(new PutRuleCommand({ ...rule, Tags: [...rule.Tags] }))
      } catch (error) {
        if (!(error instanceof LimitExceededException)) throw error
        const own = await list.rules().catch(() => undefined)
        throw tooManyRules(rule.Name, own?.length, error)
      }
    })
  return {
    put: async (wanted) => {
      const { rule, target } = written(settings, wanted)
      const isThere = await putTarget(rule.Name, target)
      await putRule(rule)
      if (!isThere) await putTarget(rule.Name, target)
    },
    remove: async (name) => {
      const rule = ruleNameOf(settings.prefix, name)
      await asked('RemoveTargets', rule, () =>
        unlessGone(async () =>
          refuseFailed(await client.send(new RemoveTargetsCommand({ Rule: rule, Ids: [tickTargetId] }))),
        ),
      )
      await asked('DeleteRule', rule, () =>
        unlessGone(() => client.send(new DeleteRuleCommand({ Name: rule }))),
      )
    },
    list: async () => {
      const rules = await list.rules()
      if (rules.length === 0) return []
      const withTarget = new Set(await list.withTarget())
      return rules.flatMap((rule) => readRule(settings, withTarget, rule) ?? [])
    },
  }
}
