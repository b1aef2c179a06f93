/**
 * @module sqs-made-queues: the queues that the API made for nodes, each when its node joined.
 *
 * Queues of a stack called `drover-node` begin like those of stack `drover`; so a queue is ours only if what it cannot deliver goes to our
 * stack's dead letters. What made them (lib/operation/sqs-node-queues.ts) removes them by their nodes, which only the catalog knows.
 */
import {
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  paginateListQueues,
  QueueDoesNotExist,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import * as z from 'zod'
import type { InstallationNames, Made } from './installation.ts'
import { plainly } from './plain-aws-errors.ts'

export interface SqsMadeQueuesDeps {
  client: SQSClient
  signal: AbortSignal
}

/** As pages of ListQueues can have them. */
const pageSize = 1000

const RedrivePolicy = z.object({ deadLetterTargetArn: z.string() })

/** Gone, or being deleted, which takes a minute. */
const unlessGone = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await work()
  } catch (error) {
    if (error instanceof QueueDoesNotExist) return undefined
    throw error
  }
}

const nameIn = (url: string): string => url.slice(url.lastIndexOf('/') + 1)

export const sqsMadeQueues = (
  { client, signal }: SqsMadeQueuesDeps,
  { queuePrefix, nodeDeadLetters }: Pick<InstallationNames, 'queuePrefix' | 'nodeDeadLetters'>,
): Made => {
  const abort = { abortSignal: signal }
  const ask = <T>(action: string, work: () => Promise<T>): Promise<T> =>
    plainly(`sqs:${action}`, signal, work)

  const begun = (): Promise<string[]> =>
    ask('ListQueues', async () => {
      const urls: string[] = []
      const request = { QueueNamePrefix: queuePrefix, MaxResults: pageSize }
      for await (const page of paginateListQueues({ client }, request, abort))
        urls.push(...(page.QueueUrls ?? []))
      return urls
    })

  const isOurs = async (url: string): Promise<boolean> => {
    const request = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['RedrivePolicy'] })
    const answer = await ask('GetQueueAttributes', () => unlessGone(() => client.send(request, abort)))
    const policy = answer?.Attributes?.['RedrivePolicy']
    if (policy === undefined) return false
    return RedrivePolicy.parse(JSON.parse(policy)).deadLetterTargetArn.endsWith(`:${nodeDeadLetters}`)
  }

  return {
    list: async () => {
      const ours: string[] = []
      for (const url of await begun()) if (await isOurs(url)) ours.push(nameIn(url))
      return ours.toSorted()
    },
    remove: async (name) => {
      const found = await ask('GetQueueUrl', () =>
        unlessGone(() => client.send(new GetQueueUrlCommand({ QueueName: name }), abort)),
      )
      if (found === undefined) return
      const request = new DeleteQueueCommand({ QueueUrl: found.QueueUrl })
      await ask('DeleteQueue', () => unlessGone(() => client.send(request, abort)))
    },
  }
}
