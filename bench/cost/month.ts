/**
 * @module month: what was measured on a small volume, as a month of the case: what does not depend on its size as it is, the rest scaled,
 * each by what it grows with. Pure.
 */
import type { AwsCall } from '#test/aws/aws-calls.ts'
import type { Flows } from './flows.ts'
import { dollarsOf, entriesOf, minus, plus, times, type PriceName, type Usage } from './prices.ts'
import { usageOf, type Invocation, type Recording } from './recorded-stack.ts'

export interface Case {
  days: number
  /** All in use. */
  blocks: number
  changedBlocks: number
  backupsADay: number
  retain: number
  nodes: number
}

/**
 * `volume`: what the volume causes. `fixed`: what an idle installation costs. `beside`: what the default does without, and what a standby reads, which
 * is its own.
 */
export type Sum = 'volume' | 'fixed' | 'beside'

export interface Line {
  sum: Sum
  flow: string
  price: PriceName
  /** A month. */
  count: number
  dollars: number
}

const minutesADay = 24 * 60
const listKeys = 1000
const deleteKeys = 1000

/** https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html: five pollers at least, each a long poll after another. */
const idlePollers = 5
const longPollSeconds = 20

/** Agents tell what they hold that often at least: agent/heartbeats.ts. */
const inventorySeconds = 300
/** A node's credentials for its queue. */
const sessionsADay = 24
const looksADay = 24
/** Overdue volumes are looked for each quarter of an hour: jobs, volumes, the first run, the index, and the volume's newest operations. */
const overdueADay = 24 * 4
const overdueReadUnits = 4 + 10
/**
 * To find the last collection, a deletion reads as many operations as there were since, twenty at a time (lib/jobs/retain.ts): measured is the first
 * page, and of 24 backups and deletions since a day ago it is 0.75 more on average.
 */
const furtherReadUnits = 0.75 * 20

/** A process that is woken once an hour starts anew: what its import takes is paid. Seconds × GB, by function. */
const coldStart = {
  seconds: 0.25,
  gigabytes: { 'run-recurring-job': 0.25, 'index-backup': 0.5, 'record-report': 0.25 },
}
const coldStartTime: Usage = {
  lambdaTime: Object.values(coldStart.gigabytes).reduce(
    (sum, gigabytes) => sum + gigabytes * coldStart.seconds,
    0,
  ),
}

const isHeartbeat = ({ request }: Invocation): boolean => request === 'POST /v1/node/heartbeat'
const hasInventory = ({ body }: Invocation): boolean => body.includes('"inventory"')
/** Heartbeats go on anyhow; one that tells what an operation changed is its. */
const isOfFlow = (invocation: Invocation): boolean =>
  isHeartbeat(invocation)
    ? hasInventory(invocation)
    : invocation.request === undefined || /^POST \/v1\/node\/(operations|reports)/.test(invocation.request)

/** What Lambda's poller asks for a batch: one receives it, one deletes it. */
const pollerUsage = ({ of }: Invocation): Usage => {
  if (of === 'record-report') return { sqsStandard: 2 }
  return of === 'perform-operation' ? { sqsFifo: 2 } : {}
}

/** Its empty polls go on anyhow; one that brought a message ended early, and is one more. */
const agentUsage = ({ agents }: Recording): Usage => {
  const asked = agents.filter(({ operation }) => operation !== 'ReceiveMessage')
  const brought = asked.filter(({ operation }) => operation === 'DeleteMessage').length
  return plus(...asked.map(usageOf), { sqsFifo: brought })
}

const functionUsage = ({ invocations }: Recording): Usage =>
  plus(...invocations.filter(isOfFlow).flatMap((each) => [each.usage, pollerUsage(each)]))

/** Means; of time the shortest: whatever else this machine does makes it longer. */
const meanOf = (usages: readonly Usage[]): Usage => {
  const mean = times(plus(...usages), 1 / usages.length)
  return { ...mean, ...(mean.lambdaTime && { lambdaTime: Math.min(...usages.map(timeOf)) }) }
}

const timeOf = ({ lambdaTime = 0 }: Usage): number => lambdaTime

/** The lists of all blocks, and the deletions, in place of the few that were measured. */
const collection = (flows: Flows, { blocks, changedBlocks, backupsADay, retain }: Case): Usage => {
  const usageIn = (recording: Recording) => plus(agentUsage(recording), functionUsage(recording))
  const measured = minus(usageIn(flows.collecting), meanOf(flows.incrementals.map(usageIn)))
  // Of each hour since the oldest backup, and since the last collection, its changed blocks are there beside the volume's.
  const there = blocks + changedBlocks * (retain + backupsADay)
  const deleted = changedBlocks * backupsADay
  const lists = Math.ceil(there / listKeys) - 1
  const requests = Math.ceil(deleted / deleteKeys)
  // Before each request to delete, the lock is looked at.
  // Deleted, and a week later gone.
  const more: Usage = { s3Write: lists + requests, s3Read: requests, objectEvent: 2 * deleted }
  return plus(measured, more)
}

const meanInvocation = ({ invocations }: Recording): Usage => meanOf(invocations.map(({ usage }) => usage))

const heartbeatsOf = (flows: Flows, { nodes, days }: Case): Usage => {
  const { heartbeatSeconds } = flows
  const month = (days * 24 * 3600 * nodes) / heartbeatSeconds
  const everySo = Math.ceil(inventorySeconds / heartbeatSeconds)
  return plus(
    times(meanInvocation(flows.heartbeats), month * (1 - 1 / everySo)),
    times(meanInvocation(flows.inventories), month / everySo),
  )
}

const isOfBlock = ({ operation, input }: AwsCall): boolean =>
  operation === 'GetObject' && String(input['Key']).includes('/blocks/')

const polls = (days: number): number => (days * 24 * 3600) / longPollSeconds

const linesOf = (sum: Sum, flow: string, usage: Usage): Line[] =>
  entriesOf(usage)
    .map(([price, count]) => ({
      sum: price === 'objectEvent' ? ('beside' as const) : sum,
      flow,
      price,
      count,
      dollars: dollarsOf(price, count),
    }))
    .filter(({ count }) => count > 0)

export const monthOf = (flows: Flows, of: Case): Line[] => {
  const { days, backupsADay, changedBlocks, nodes } = of
  const backups = days * backupsADay
  const agents = meanOf(flows.incrementals.map(agentUsage))
  const functions = meanOf(flows.incrementals.map(functionUsage))
  const blocks: Usage = { s3Write: changedBlocks, objectEvent: changedBlocks }
  const { s3Read: read = 0, ...asked } = agentUsage(flows.restore)
  const standby = plus(functionUsage(flows.restore), asked, {
    sqsFifo: 1, // its command
  })
  // Of the whole restore that was measured, a standby reads what changed.
  const standbyReads: Usage = {
    s3Read: read + changedBlocks - flows.restore.agents.filter(isOfBlock).length,
  }
  const minute = plus(meanInvocation(flows.reconciles), { event: 1 })
  return [
    ...linesOf('volume', 'changed blocks', times(blocks, backups)),
    ...linesOf('volume', 'backup and deletion: agent', times(minus(agents, blocks), backups)),
    ...linesOf(
      'volume',
      'backup and deletion: functions',
      times(plus(functions, coldStartTime, { event: 1, readUnit: furtherReadUnits }), backups),
    ),
    ...linesOf('volume', 'collection', times(collection(flows, of), days)),
    ...linesOf('volume', 'overdue backups', { readUnit: overdueReadUnits * overdueADay * days }),
    ...linesOf('volume', "a standby's events", times(standby, backups)),
    ...linesOf('beside', 'what a standby reads', times(standbyReads, backups)),
    ...linesOf('fixed', 'pollers of two queues', {
      sqsStandard: idlePollers * polls(days),
      sqsFifo: idlePollers * polls(days),
    }),
    ...linesOf('fixed', 'polls of nodes', { sqsFifo: nodes * polls(days) }),
    ...linesOf('fixed', 'heartbeats', heartbeatsOf(flows, of)),
    ...linesOf(
      'fixed',
      'queue credentials',
      times(meanInvocation(flows.queues), sessionsADay * days * nodes),
    ),
    ...linesOf('fixed', 'reconcile', times(minute, minutesADay * days)),
    ...linesOf(
      'fixed',
      'looks at the target',
      times(plus(functionUsage(flows.look), { event: 1 }), looksADay * days),
    ),
  ]
}

export const dollarsIn = (lines: readonly Line[]): number =>
  lines.reduce((total, { dollars }) => total + dollars, 0)

/** Without heartbeats that go on anyhow. */
export const oneIncremental = ({ incrementals }: Flows): Usage =>
  plus(meanOf(incrementals.map(agentUsage)), meanOf(incrementals.map(functionUsage)), { event: 1 })
