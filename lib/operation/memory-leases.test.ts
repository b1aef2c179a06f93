import { silentLog } from '#lib/base/log.ts'
import { leasedQueue } from './leased-queue.ts'
import { memoryLeases } from './memory-leases.ts'
import { queueContract } from './queue.contract.ts'

queueContract('memory', {
  open: async (clock) => leasedQueue({ leases: memoryLeases(clock), clock, log: silentLog }),
})
