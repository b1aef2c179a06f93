/**
 * @module secrets-manager-secret-store: credentials in AWS Secrets Manager, each the JSON of its keys, by name below a prefix.
 *
 * A secret that is removed is gone at once, with no days in which it can be had back: it was asked for, its keys may be known to
 * somebody, and a secret of that name can be made again. One that somebody else scheduled for deletion is none here, until it is
 * put: then it is restored and gets the new keys. What is put anew keeps the KMS key and tags that it was made with.
 * Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Operations.html
 */
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  GetSecretValueCommand,
  InvalidRequestException,
  ListSecretsCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  RestoreSecretCommand,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import * as z from 'zod'
import type { Clock } from '#lib/base/clock.ts'
import { parsedJson } from '#lib/base/parsed-json.ts'
import { SecretStoreError } from './secret-store-error.ts'
import { checkedSecret, isSecretName, type SecretStore } from './secret-store.ts'
import { secretsManagerError } from './secrets-manager-errors.ts'

export interface SecretsManagerSecretStoreDeps {
  client: Pick<SecretsManagerClient, 'send'>
  clock: Pick<Clock, 'sleep'>
}

export interface SecretsManagerSecretStoreSettings {
  /** Of the names of this installation's secrets: `drover/`. */
  prefix: string
  /** On those that are made. */
  tags: Readonly<Record<string, string>>
  /** Of those that are made. Default: the account's own for Secrets Manager. */
  kmsKeyId?: string | undefined
}

/** Of Secrets Manager. */
const mostBytes = 65_536

/** A secret that was removed may be in the way of its name for a moment: 0.1, 0.2, … 1.6 s, 3 s together. */
const mostTries = 6
const firstWaitMs = 100

const Keys = z.record(z.string(), z.string())

/** The same exception says other things too; its message is all that tells them apart. */
const isScheduledForDeletion = (error: unknown): boolean =>
  error instanceof InvalidRequestException && /delet/i.test(error.message)

/** What Secrets Manager says no to, in our words. */
const asked = async <T>(action: string, secret: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw secretsManagerError({ action, secret }, error)
  }
}

/** `undefined`: there is no such secret, or none any more. */
const unlessAway = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ResourceNotFoundException || isScheduledForDeletion(error)) return undefined
    throw error
  }
}

const checkedText = (secret: string, keys: Record<string, string>): string => {
  const text = JSON.stringify(keys)
  if (Buffer.byteLength(text) <= mostBytes) return text
  throw new SecretStoreError('too-large', `secret ${secret} has more than ${mostBytes} bytes`, {
    hint: 'Secrets Manager keeps no more: give AWS_CERT only the certificate of the CA that the server needs',
  })
}

const keysIn = (secret: string, text: string | undefined): Record<string, string> => {
  const read = Keys.safeParse(parsedJson(text ?? ''))
  if (read.success) return read.data
  throw new SecretStoreError('damaged', `secret ${secret} is no JSON object of keys and their values`, {
    hint: 'put it again: drover target secret put',
  })
}

/** @returns whether it was done; others may make it, remove it, or schedule its deletion between any two requests. */
const putting =
  (
    { client }: SecretsManagerSecretStoreDeps,
    { tags, kmsKeyId }: SecretsManagerSecretStoreSettings,
  ): ((secret: string, text: string) => Promise<boolean>) =>
  async (secret, SecretString) => {
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }))
    const create = new CreateSecretCommand({ Name: secret, SecretString, Tags, KmsKeyId: kmsKeyId })
    try {
      await client.send(create)
      return true
    } catch (error) {
      if (isScheduledForDeletion(error))
        await asked('RestoreSecret', secret, () =>
          unlessAway(() => client.send(new RestoreSecretCommand({ SecretId: secret }))),
        )
      else if (!(error instanceof ResourceExistsException))
        throw secretsManagerError({ action: 'CreateSecret', secret }, error)
    }
    const put = new PutSecretValueCommand({ SecretId: secret, SecretString })
    return (await asked('PutSecretValue', secret, () => unlessAway(() => client.send(put)))) !== undefined
  }

/** @throws SecretStoreError `access-denied`, `throttled`, `failed`, from all its methods. */
export const secretsManagerSecretStore = (
  deps: SecretsManagerSecretStoreDeps,
  settings: SecretsManagerSecretStoreSettings,
): SecretStore => {
  const { client, clock } = deps
  const { prefix } = settings
  const putOnce = putting(deps, settings)

  const ownNames = async function* (): AsyncGenerator<string> {
    let NextToken: string | undefined
    do {
      const command = new ListSecretsCommand({ Filters: [{ Key: 'name', Values: [prefix] }], NextToken })
      const page = await asked('ListSecrets', `${prefix}*`, () => client.send(command))
      for (const { Name = '', DeletedDate } of page.SecretList ?? [])
        if (!DeletedDate && Name.startsWith(prefix)) yield Name.slice(prefix.length)
      NextToken = page.NextToken
    } while (NextToken !== undefined)
  }
  return {
    get: async (name) => {
      if (!isSecretName(name)) return undefined
      const SecretId = prefix + name
      const found = await asked('GetSecretValue', SecretId, () =>
        unlessAway(() => client.send(new GetSecretValueCommand({ SecretId }))),
      )
      return found && keysIn(SecretId, found.SecretString)
    },
    put: async (name, given) => {
      const keys = checkedSecret(name, given)
      const secret = prefix + name
      const text = checkedText(secret, keys)
      for (let tries = 1; !(await putOnce(secret, text)); tries++) {
        if (tries === mostTries)
          throw new SecretStoreError(
            'failed',
            `secret ${secret} was not put: one of its name is being removed`,
            {
              hint: 'try again in a minute',
            },
          )
        await clock.sleep(firstWaitMs * 2 ** (tries - 1))
      }
    },
    remove: async (name) => {
      if (!isSecretName(name)) return
      const SecretId = prefix + name
      await asked('DeleteSecret', SecretId, () =>
        unlessAway(() =>
          client.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true })),
        ),
      )
    },
    names: async () => {
      const names: string[] = []
      // Of an installation whose prefix begins as ours, `drover/` and `drover/eu/`, a "/" is left.
      for await (const name of ownNames()) if (isSecretName(name)) names.push(name)
      return names.toSorted()
    },
  }
}
