/**
 * @module find-leftovers: what an installation has at this moment.
 */
import type { Installation, MadeKind, StackState } from './installation.ts'

export interface Leftovers extends Record<MadeKind, string[]> {
  stack: StackState
}

/** Changes nothing. @throws InstallationError. */
export const findLeftovers = async (installation: Installation): Promise<Leftovers> => {
  const { stack, rules, queues, secrets } = installation
  return {
    stack: await stack.look(),
    rules: await rules.list(),
    queues: await queues.list(),
    secrets: await secrets.list(),
  }
}

/** What CloudFormation kept on purpose does not count. */
export const isAnythingLeft = ({ stack, rules, queues, secrets }: Leftovers): boolean =>
  stack.kind === 'there' || rules.length + queues.length + secrets.length > 0
