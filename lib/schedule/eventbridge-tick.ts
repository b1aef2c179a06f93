/**
 * @module eventbridge-tick: what a job's rule is on EventBridge: its name, its target, and what its description keeps.
 *
 * The target is run-recurring-job, which gets `{"job", "time"}`: EventBridge's scheduled event names the rule and not the job,
 * so a template adds it. Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
 */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import { parsedJson } from '#lib/base/parsed-json.ts'

export interface TickTarget {
  Id: string
  Arn: string
  InputTransformer: { InputPathsMap: Record<string, string>; InputTemplate: string }
  RetryPolicy: { MaximumEventAgeInSeconds: number }
  DeadLetterConfig: { Arn: string }
}

export const tickTargetId = 'run-recurring-job'

/** An hour, then the dead-letter queue: a run that late is not what the schedule asked for, and the next may be due. */
const longestRetryS = 3600

/** Of PutRule. */
const longestRuleName = 64

const digestOf = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 8)

/** One too long is cut, and told from others by its digest. */
export const ruleNameOf = (prefix: string, job: string): string => {
  const name = prefix + job
  return name.length <= longestRuleName ? name : `${name.slice(0, longestRuleName - 9)}-${digestOf(job)}`
}

export const tickTarget = (
  job: string,
  { targetArn, deadLetterArn }: { targetArn: string; deadLetterArn: string },
): TickTarget => ({
  Id: tickTargetId,
  Arn: targetArn,
  InputTransformer: {
    InputPathsMap: { time: '$.time' },
    InputTemplate: `{"job":${JSON.stringify(job)},"time":"<time>"}`,
  },
  RetryPolicy: { MaximumEventAgeInSeconds: longestRetryS },
  DeadLetterConfig: { Arn: deadLetterArn },
})

const TickDescription = z.object({
  job: z.string().min(1),
  /** Five fields, as the job has them. */
  cron: z.string(),
  /** Of when it fires and whom it wakes: a rule that another version made, or a hand changed, has another. */
  digest: z.string(),
})
export type TickDescription = z.infer<typeof TickDescription>

export const tickDigest = (expression: string, target: TickTarget): string => digestOf([expression, target])

export const tickDescription = (description: TickDescription): string => JSON.stringify(description)

export const readTickDescription = (text: string | undefined): TickDescription | undefined =>
  TickDescription.safeParse(parsedJson(text ?? '')).data
