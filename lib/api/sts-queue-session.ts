/**
 * @module sts-queue-session: credentials for the queue of one node and for nothing else, which end within the hour.
 */
import type { STSClient } from '@aws-sdk/client-sts'
import type { Log } from '#lib/base/log.ts'
import { stsError } from '#lib/target/sts-errors.ts'
import { assumeRole, type Session } from '#lib/target/sts-sessions.ts'
import { TargetError } from '#lib/target/target-error.ts'

export interface QueueSessionDeps {
  client: Pick<STSClient, 'send'>
  log: Log
}

export interface QueueSessionSettings {
  /** May take from all nodes' queues. */
  roleArn: string
}

export interface QueueOfNode {
  node: string
  queueArn: string
}

const policyFor = (queueArn: string): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'],
        Resource: queueArn,
      },
    ],
  })

const failureFor = (node: string, { code, message, hint, cause }: TargetError): TargetError =>
  new TargetError(code, `no credentials for the queue of node ${node}: ${message}`, {
    ...(hint !== undefined && { hint }),
    cause,
  })

/** @throws TargetError `role-refused`, `sts-unavailable`. */
export const queueSession =
  ({ client, log }: QueueSessionDeps, { roleArn }: QueueSessionSettings) =>
  async ({ node, queueArn }: QueueOfNode): Promise<Session> => {
    const where = `the STS of ${queueArn.split(':')[3] ?? ''}`
    const asked = { roleArn, hasExternalId: false, where, isOwn: true }
    const role = { roleArn, name: `queue-${node}`, policy: policyFor(queueArn) }
    const session = await assumeRole(client, role).catch((error: unknown) => {
      const failure = failureFor(node, stsError(asked, error))
      // Whose installation it is reads this log, not the node's.
      log.warn('credentials of a queue not given', { node, error: failure.message, hint: failure.hint })
      throw failure
    })
    if (session) return session
    throw failureFor(node, new TargetError('sts-unavailable', `${where} answered without any`))
  }
