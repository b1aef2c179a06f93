import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { QueueAnswer } from '#lib/api/node-messages.ts'
import { systemClock } from '#lib/base/clock.ts'
import { silentLog } from '#lib/base/log.ts'
import { commandQueue } from './command-queue.ts'

const hourMs = 3600_000

describe('the queue of a node', () => {
  let sqs: Server
  let polls = 0
  beforeAll(async () => {
    sqs = createServer((request, response) => {
      polls++
      request.resume().on('end', () => {
        response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('{}')
      })
    })
    await new Promise<void>((listening) => {
      sqs.listen(0, '127.0.0.1', listening)
    })
  })
  afterAll(() => {
    sqs.closeAllConnections()
    sqs.close()
  })

  it('has its credentials for as long as they last, also on a machine whose clock is ahead', async () => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of a server that listens on a port
    const { port } = sqs.address() as AddressInfo
    let asked = 0
    const serverNow = () => new Date(systemClock.now().getTime() - 2 * hourMs)
    const answer = (): QueueAnswer => ({
      kind: 'sqs',
      url: `http://127.0.0.1:${port}/123456789012/node.fifo`,
      region: 'eu-central-1',
      credentials: { accessKeyId: 'AKIDOFTEST', secretAccessKey: 'hush', sessionToken: 'hush' },
      expiresAt: new Date(serverNow().getTime() + hourMs).toISOString(),
      idleHeartbeatSeconds: 60,
    })
    const queue = async () => {
      asked++
      return answer()
    }
    const overHttp = { receive: () => Promise.reject(new Error('asked over HTTP')) }
    const api = { queue, serverNow }
    const commands = commandQueue({ api, overHttp, clock: systemClock, log: silentLog, env: {} })
    for (let poll = 0; poll < 3; poll++) expect(await commands.receive({ waitMs: 0 }, async () => {})).toBe(0)
    expect({ asked, polls, idleMs: commands.idleHeartbeatMs() }).toEqual({
      asked: 1,
      polls: 3,
      idleMs: 60_000,
    })
  })
})
