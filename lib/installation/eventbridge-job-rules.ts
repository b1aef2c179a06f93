/**
 * @module eventbridge-job-rules: the rules that the API made for recurring jobs.
 *
 * Rules of a stack called `drover-job` begin like those of stack `drover`; so a rule is ours only if it wakes our function, or nothing,
 * as one does whose removal was cut off. What made them (lib/schedule/eventbridge-rules.ts) knows jobs, and needs the function, which is
 * gone by now.
 */
import {
  DeleteRuleCommand,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  RemoveTargetsCommand,
  ResourceNotFoundException,
  type EventBridgeClient,
  type Target,
} from '@aws-sdk/client-eventbridge'
import type { InstallationNames, Made } from './installation.ts'
import { plainly } from './plain-aws-errors.ts'

export interface EventbridgeJobRulesDeps {
  client: EventBridgeClient
  signal: AbortSignal
}

/** Of an ARN without or with a version: `arn:aws:lambda:eu-west-1:123456789012:function:drover-run-recurring-job`. */
const functionIn = (arn: string): string | undefined => /:function:([^:]+)/.exec(arn)?.[1]

export const eventbridgeJobRules = (
  { client, signal }: EventbridgeJobRulesDeps,
  { rulePrefix, runJobFunction }: Pick<InstallationNames, 'rulePrefix' | 'runJobFunction'>,
): Made => {
  const abort = { abortSignal: signal }
  const ask = <T>(action: string, work: () => Promise<T>): Promise<T> =>
    plainly(`events:${action}`, signal, work)

  const begun = async (): Promise<string[]> => {
    const names: string[] = []
    let NextToken: string | undefined
    do {
      const request = new ListRulesCommand({ NamePrefix: rulePrefix, NextToken })
      const page = await ask('ListRules', () => client.send(request, abort))
      names.push(...(page.Rules ?? []).flatMap(({ Name }) => Name ?? []))
      NextToken = page.NextToken
    } while (NextToken)
    return names
  }

  /** At most five: no pages. `undefined`: the rule is gone. */
  const targetsOf = (Rule: string): Promise<Target[] | undefined> =>
    ask('ListTargetsByRule', async () => {
      try {
        return (await client.send(new ListTargetsByRuleCommand({ Rule }), abort)).Targets ?? []
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return undefined
        throw error
      }
    })

  return {
    list: async () => {
      const ours: string[] = []
      for (const name of await begun()) {
        const targets = await targetsOf(name)
        if (targets?.every(({ Arn = '' }) => functionIn(Arn) === runJobFunction)) ours.push(name)
      }
      return ours.toSorted()
    },
    remove: async (name) => {
      const targets = await targetsOf(name)
      if (!targets) return
      const Ids = targets.flatMap(({ Id }) => Id ?? [])
      if (Ids.length > 0)
        await ask('RemoveTargets', () => client.send(new RemoveTargetsCommand({ Rule: name, Ids }), abort))
      await ask('DeleteRule', () => client.send(new DeleteRuleCommand({ Name: name }), abort))
    },
  }
}
