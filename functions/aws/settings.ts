/**
 * @module settings: what the template tells a function, in its environment. Each function has those that it reads.
 */
import { FunctionError } from '../function-error.ts'

export type SettingName =
  | 'DROVER_BACKUP_ROLE_ARN' // assumed for targets that name no secret
  | 'DROVER_NODE_DEAD_LETTER_ARN' // the dead letters of all nodes' queues
  | 'DROVER_NODE_QUEUE_PREFIX' // what the names of nodes' queues begin with
  | 'DROVER_NODE_ROLE_ARN' // assumed to give a node its queue
  | 'DROVER_QUEUES_URL' // what the URLs of the account's queues begin with
  | 'DROVER_REPORT_QUEUE_URL'
  | 'DROVER_RULE_PREFIX' // what the names of jobs' rules begin with
  | 'DROVER_RUN_JOB_ARN' // the function that jobs' rules wake
  | 'DROVER_SECRET_PREFIX' // what the names of secrets begin with
  | 'DROVER_STACK' // for metrics and tags
  | 'DROVER_TABLE'
  | 'DROVER_TICK_DEAD_LETTER_ARN' // the queue of ticks that could not be delivered
  | 'DROVER_WORKER_QUEUE_URL' // commands for the control plane's own worker

/** @throws FunctionError `not-set`. */
export const setting = (name: SettingName): string => {
  const value = process.env[name]
  if (value) return value
  throw new FunctionError('not-set', `the environment variable ${name} is not set`, {
    hint: 'update the stack with the template of this version',
  })
}
