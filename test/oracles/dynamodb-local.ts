/**
 * @module dynamodb-local: a DynamoDB Local of our own on this machine, for one test file. It keeps everything in memory.
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { CreateTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { DynamodbClientSettings } from '#lib/catalog/dynamodb-client.ts'
import { tableShape } from '#lib/catalog/dynamodb-table.ts'
import { freePort } from '../free-port.ts'
import { canary, isAnswering, oraclePath, startOwnServer } from './own-server.ts'

export interface DynamodbLocal {
  /** How a client reaches it. */
  settings: DynamodbClientSettings
  stop: () => Promise<void>
}

/** @throws Error if it is not installed or does not get ready. */
export const startDynamodbLocal = async (): Promise<DynamodbLocal> => {
  const libraries = oraclePath('DynamoDB Local', 'dynamodb/lib')
  const main = join(import.meta.dirname, 'LoopbackDynamodbLocal.java')
  const virtualMachine = [
    '-Xmx512m',
    '-XX:TieredStopAtLevel=1',
    '-XX:+UseSerialGC',
    `-Djava.library.path=${libraries}`,
    '-cp',
    `${libraries}/*`,
  ]
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  const server = await startOwnServer({
    name: 'DynamoDB Local',
    command: 'java',
    args: [...virtualMachine, main, '-inMemory', '-sharedDb', '-disableTelemetry', '-port', String(port)],
    isReady: () => isAnswering(endpoint),
  })
  const credentials = { accessKeyId: 'DroverTest', secretAccessKey: canary }
  return { settings: { region: 'us-east-1', endpoint, credentials }, stop: server.stop }
}

/** An empty table of the catalog's shape. Without its time to live: 2.6.1 heeds that in tables without indexes alone. @returns its name. */
export const createTable = async (client: DynamoDBClient): Promise<string> => {
  const name = `drover-${randomUUID()}`
  await client.send(new CreateTableCommand({ TableName: name, ...tableShape }))
  return name
}
