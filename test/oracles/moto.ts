/**
 * @module moto: a moto server of our own on this machine, for one test file: EventBridge, Secrets Manager, and the wiring of S3, rules
 * and SQS queues.
 *
 * Its traps: nothing fires by time, and a rule with a schedule alone takes every event on the bus; targets that are functions make
 * PutEvents fail; limits of accounts are not enforced.
 */
import { freePort } from '../free-port.ts'
import { canary, isAnswering, oraclePath, startOwnServer } from './own-server.ts'

export interface Moto {
  /** What an SDK's client is made from. */
  clientSettings: {
    endpoint: string
    region: string
    credentials: { accessKeyId: string; secretAccessKey: string }
  }
  /** Forgets all that was made. */
  reset: () => Promise<void>
  stop: () => Promise<void>
}

/** As in the ARNs of what it makes. */
export const motoAccount = '123456789012'

/** @throws Error if it is missing or does not get ready. */
export const startMoto = async (): Promise<Moto> => {
  const command = oraclePath('moto', 'py/bin/moto_server')
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  const { stop } = await startOwnServer({
    name: 'moto',
    command,
    args: ['-H', '127.0.0.1', '-p', String(port)],
    isReady: () => isAnswering(`${endpoint}/moto-api/`),
  })
  return {
    clientSettings: {
      endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'drover-test', secretAccessKey: canary },
    },
    reset: async () => {
      const { status } = await fetch(`${endpoint}/moto-api/reset`, { method: 'POST' })
      if (status !== 200) throw new Error(`moto answered ${status} to its reset`)
    },
    stop,
  }
}
