/**
 * @module target-access: an operation on a backup target gets the target's credentials with the permission to begin, and for itself
 * alone. They are in memory until it opens the target, and nowhere else.
 */
import type { TargetAccess } from '#lib/api/node-messages.ts'
import type { Clock } from '#lib/base/clock.ts'
import type { PerformCommand } from '#lib/operation/command.ts'
import type { OpenTarget } from '#lib/perform/store-performers.ts'
import type { Permission } from '#lib/perform/worker.ts'
import { formatTargetUrl, parseTargetUrl } from '#lib/target/target-url.ts'
import type { NodeApi } from './node-api.ts'

export interface TargetAccesses {
  /** @throws RequestError when there is no answer. */
  mayBegin: (command: Pick<PerformCommand, 'operationId'>) => Promise<Permission>
  /** Once, after `mayBegin` let the operation go, or take back what it had begun. @throws TargetError. */
  openTarget: (operationId: string) => Promise<OpenTarget>
}

const openWith = async ({ url, settings }: TargetAccess, clock: Clock): Promise<OpenTarget> => {
  const target = parseTargetUrl(url)
  // The AWS SDK takes as long to load, and as much memory, as all else together: a node may never need it.
  const { openTarget } = await import('#lib/target/open-target.ts')
  return {
    store: openTarget(target, { env: settings, clock }),
    url: formatTargetUrl(target),
  }
}

export const targetAccesses = (api: Pick<NodeApi, 'begin'>, clock: Clock): TargetAccesses => {
  const given = new Map<string, TargetAccess>()
  return {
    mayBegin: async ({ operationId }) => {
      const answer = await api.begin(operationId)
      if (answer.kind === 'not-current') return answer
      if (answer.access) given.set(operationId, answer.access)
      return { kind: answer.kind }
    },
    openTarget: async (operationId) => {
      const access = given.get(operationId)
      given.delete(operationId)
      if (access) return openWith(access, clock)
      throw new Error(`operation ${operationId} was not told how to reach its target`)
    },
  }
}
