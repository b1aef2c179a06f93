/** @module rules-on-eventbridge: the rules of recurring jobs, which come and go with these. */
import { eventbridgeClient } from '#lib/schedule/eventbridge-client.ts'
import { eventbridgeRules } from '#lib/schedule/eventbridge-rules.ts'
import { setting } from './settings.ts'

export const client = eventbridgeClient()

export const rules = eventbridgeRules(
  { client },
  {
    prefix: setting('DROVER_RULE_PREFIX'),
    targetArn: setting('DROVER_RUN_JOB_ARN'),
    deadLetterArn: setting('DROVER_TICK_DEAD_LETTER_ARN'),
    tags: { 'drover:stack': setting('DROVER_STACK') },
  },
)
