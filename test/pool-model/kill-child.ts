/**
 * @module kill-child: a process that opens a pool, does one thing to a volume, and kills itself at a host call.
 *
 * Its argument is a `ChildOrder` as JSON. If it lives to its end it prints the answer, as JSON.
 */
import * as z from 'zod'
import type { Host } from '#lib/volume/host.ts'
import { linuxHost } from '#lib/volume/linux-host.ts'
import { openPool } from '#lib/volume/pool.ts'
import { hostThrough, moments } from './mortal-host.ts'
import { Operation, perform } from './operations.ts'

const ChildOrder = z.object({
  folder: z.string(),
  volume: z.string(),
  operation: Operation,
  /** From 1, not counting those of the recovery at the start. */
  call: z.int(),
  /** `during`: it is under way, and a program that was started goes on alone. */
  when: z.enum(moments),
})
export type ChildOrder = z.infer<typeof ChildOrder>

const order = ChildOrder.parse(JSON.parse(process.argv[2] ?? ''))

/** The signal ends all threads at once; nothing after it runs. */
const die = (method: string): never => {
  process.stderr.write(method)
  process.kill(process.pid, 'SIGKILL')
  for (;;);
}

let calls = 0
let isArmed = false

const deadly = (host: Host): Host =>
  hostThrough(host, (method, whole) => async (...args) => {
    if (isArmed) calls += 1
    if (!isArmed || calls !== order.call) return whole(...args)
    if (order.when === 'before') return die(method)
    const under = whole(...args)
    if (order.when === 'after') await under
    return die(method)
  })

const pool = await openPool({ folder: order.folder, host: (lockFd) => deadly(linuxHost(lockFd)) })
isArmed = true
console.log(JSON.stringify((await perform(pool, order.volume, order.operation)) ?? null))
await pool.close()
