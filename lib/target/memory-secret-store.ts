/**
 * @module memory-secret-store: credentials in memory, for tests.
 */
import { checkedSecret, type SecretStore } from './secret-store.ts'

export const memorySecretStore = (): SecretStore => {
  const secrets = new Map<string, Record<string, string>>()
  return {
    get: async (name) => {
      const found = secrets.get(name)
      return found && { ...found }
    },
    put: async (name, settings) => {
      secrets.set(name, checkedSecret(name, settings))
    },
    remove: async (name) => {
      secrets.delete(name)
    },
    names: async () => [...secrets.keys()].toSorted(),
  }
}
