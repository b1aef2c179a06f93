/**
 * @module secrets-manager-secrets: the credentials of targets. A slash ends the stack's name, so that no other stack's begin like ours.
 */
import {
  DeleteSecretCommand,
  paginateListSecrets,
  ResourceNotFoundException,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import type { InstallationNames, Made } from './installation.ts'
import { plainly } from './plain-aws-errors.ts'

export interface SecretsManagerSecretsDeps {
  client: SecretsManagerClient
  signal: AbortSignal
}

export const secretsManagerSecrets = (
  { client, signal }: SecretsManagerSecretsDeps,
  { secretPrefix }: Pick<InstallationNames, 'secretPrefix'>,
): Made => {
  const abort = { abortSignal: signal }
  const ask = <T>(action: string, work: () => Promise<T>): Promise<T> =>
    plainly(`secretsmanager:${action}`, signal, work)
  return {
    list: () =>
      ask('ListSecrets', async () => {
        const names: string[] = []
        const request = { Filters: [{ Key: 'name' as const, Values: [secretPrefix] }] }
        for await (const page of paginateListSecrets({ client }, request, abort))
          names.push(...(page.SecretList ?? []).flatMap(({ Name }) => Name ?? []))
        // The filter takes no heed of case.
        return names.filter((name) => name.startsWith(secretPrefix)).toSorted()
      }),
    remove: (name) =>
      ask('DeleteSecret', async () => {
        try {
          // At once: for as long as it could be taken back, a new installation could make none of that name.
          await client.send(
            new DeleteSecretCommand({ SecretId: name, ForceDeleteWithoutRecovery: true }),
            abort,
          )
        } catch (error) {
          if (!(error instanceof ResourceNotFoundException)) throw error
        }
      }),
  }
}
