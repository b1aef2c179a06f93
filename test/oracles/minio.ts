/**
 * @module minio: a MinIO of our own on this machine, for one test file.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../free-port.ts'
import { canary, oraclePath, startOwnServer, type OwnServer } from './own-server.ts'

export { canary } from './own-server.ts'

export interface Minio {
  endpoint: string
  accessKey: string
  secretKey: string
  /** Ends the server and removes its data. */
  stop: () => Promise<void>
}

const isReady = async (endpoint: string): Promise<boolean> => {
  try {
    return (await fetch(`${endpoint}/minio/health/ready`)).ok
  } catch {
    return false
  }
}

/** `more`: of MinIO's own settings, as its environment has them. @throws Error if the binary is missing or does not get ready. */
export const startMinio = async (more: Record<string, string> = {}): Promise<Minio> => {
  const command = oraclePath('MinIO', 'bin/minio')
  const folder = await mkdtemp(join(tmpdir(), 'drover-minio-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  const [data, certificates] = [join(folder, 'data'), join(folder, 'certs')]
  await Promise.all([mkdir(data), mkdir(certificates)])
  const [accessKey, secretKey] = ['DroverTest', canary + randomBytes(10).toString('hex')]
  const address = `127.0.0.1:${await freePort()}`
  const endpoint = `http://${address}`
  let server: OwnServer
  try {
    server = await startOwnServer({
      name: 'MinIO',
      command,
      args: ['server', '--address', address, '--certs-dir', certificates, data],
      env: {
        HOME: folder,
        MINIO_ROOT_USER: accessKey,
        MINIO_ROOT_PASSWORD: secretKey,
        MINIO_BROWSER: 'off',
        MINIO_UPDATE: 'off',
        ...more,
      },
      isReady: () => isReady(endpoint),
    })
  } catch (error) {
    await remove()
    throw error
  }
  return {
    endpoint,
    accessKey,
    secretKey,
    stop: async () => {
      await server.stop()
      await remove()
    },
  }
}
