/**
 * @module eventbridge-looks: asks by an event that all of a target be looked at, which takes longer than who asks may take.
 */
import { PutEventsCommand, type EventBridgeClient } from '@aws-sdk/client-eventbridge'
import { BackupIndexError } from './backup-index-error.ts'

export interface EventbridgeLooksDeps {
  client: Pick<EventBridgeClient, 'send'>
}

/**
 * `stack`: whose targets they are, where an account has several installations. `byHand`: see indexTargetNow.
 * @throws BackupIndexError `not-asked`.
 */
export const askForLook =
  ({ client }: EventbridgeLooksDeps, { stack }: { stack: string }) =>
  async (target: string, { byHand = false } = {}): Promise<void> => {
    const entry = {
      Source: 'drover',
      DetailType: 'Target Look Due',
      Detail: JSON.stringify({ stack, target, ...(byHand && { byHand }) }),
    }
    const { Entries } = await client.send(new PutEventsCommand({ Entries: [entry] }))
    const failed = Entries?.find(({ ErrorCode }) => ErrorCode !== undefined)
    if (!failed) return
    const why = `${failed.ErrorCode}: ${failed.ErrorMessage ?? ''}`
    throw new BackupIndexError('not-asked', `the look at target ${target} was not asked for: ${why}`, {
      hint: 'ask again; one that is due is asked for again by itself within a quarter of an hour',
    })
  }
