/**
 * @module file-secret-store: credentials in one JSON file that its owner alone can read, by name. For one machine, without a secrets
 * manager; one process writes it.
 */
import { open, type FileHandle } from 'node:fs/promises'
import * as z from 'zod'
import { writeFileDurably } from '#lib/base/durable-file.ts'
import { parsedJson } from '#lib/base/parsed-json.ts'
import { serial } from '#lib/base/serial.ts'
import { SecretStoreError } from './secret-store-error.ts'
import { checkedSecret, type SecretStore } from './secret-store.ts'

const Secrets = z.record(z.string(), z.record(z.string(), z.string()))
type Secrets = Map<string, Record<string, string>>

const openIfThere = async (path: string): Promise<FileHandle | undefined> => {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

const refuseIfOpen = (path: string, mode: number): void => {
  if ((mode & 0o077) === 0) return
  throw new SecretStoreError('open-to-others', `others than its owner may use ${path}`, {
    hint: `close it: chmod 600 ${path}; and give out new keys if somebody may have read these`,
  })
}

/** What parsers say of a text quotes it: none of it is told. */
const secretsIn = (path: string, text: string): Secrets => {
  const read = Secrets.safeParse(parsedJson(text))
  if (read.success) return new Map(Object.entries(read.data))
  throw new SecretStoreError('damaged', `${path} is no file of secrets`, {
    hint: 'it is JSON, each name with its keys; move it away to begin with an empty one',
  })
}

const readSecrets = async (path: string): Promise<Secrets> => {
  const file = await openIfThere(path)
  if (!file) return new Map()
  try {
    refuseIfOpen(path, (await file.stat()).mode)
    return secretsIn(path, await file.readFile('utf8'))
  } finally {
    await file.close()
  }
}

const writeSecrets = (path: string, secrets: Secrets): Promise<void> =>
  writeFileDurably(path, `${JSON.stringify(Object.fromEntries(secrets), undefined, 2)}\n`, 0o600)

/**
 * The file is made with its first secret, in a folder that is there; it is read each time, so that an edit by hand counts.
 * @throws SecretStoreError `open-to-others`, `damaged`: now, and whenever it is read.
 */
export const openFileSecretStore = async (path: string): Promise<SecretStore> => {
  const inTurn = serial()
  const change = (make: (secrets: Secrets) => void): Promise<void> =>
    inTurn(async () => {
      const secrets = await readSecrets(path)
      make(secrets)
      await writeSecrets(path, secrets)
    })
  await readSecrets(path)
  return {
    get: async (name) => (await readSecrets(path)).get(name),
    put: async (name, settings) => {
      const secret = checkedSecret(name, settings)
      await change((secrets) => secrets.set(name, secret))
    },
    remove: (name) => change((secrets) => secrets.delete(name)),
    names: async () => [...(await readSecrets(path)).keys()].toSorted(),
  }
}
