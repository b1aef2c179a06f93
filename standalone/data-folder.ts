/**
 * @module data-folder: where a standalone service keeps everything; one service at a time.
 *
 *   catalog.sqlite  queues.sqlite   what exists; messages under way
 *   secrets.json                    credentials of targets, 0600
 *   server.json  admin.token        where the API is, and a token for commands on this machine, 0600
 *   nodes/CLUSTER/                  the agent of that cluster: agent.json, journal.sqlite, pool/
 */
import { chmod, mkdir, open } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { tryLockFile } from '#lib/volume/linux-system-calls.ts'
import { StandaloneError } from './standalone-error.ts'

export interface DataFolder {
  readonly path: string
  close(): Promise<void>
}

/** @throws StandaloneError `in-use`. */
export const openDataFolder = async (wanted: string): Promise<DataFolder> => {
  const path = resolve(wanted)
  await mkdir(path, { recursive: true })
  await chmod(path, 0o700)
  const lock = await open(join(path, 'service.lock'), 'a', 0o600)
  if (process.platform === 'linux' && !tryLockFile(lock.fd)) {
    await lock.close()
    throw new StandaloneError('in-use', `another service has the data folder ${path}`, {
      hint: 'it runs already, see: npx drover node list; or give this one another folder, with DROVER_DATA',
    })
  }
  return { path, close: () => lock.close() }
}
