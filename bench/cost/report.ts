/** @module report: the month as tables: by flow and service, what is apart from both sums, and the sums against their goals. */
import Table from 'cli-table3'
import { GiB, MiB } from '#lib/base/sizes.ts'
import type { Flows } from './flows.ts'
import { dollarsIn, oneIncremental, type Case, type Line, type Sum } from './month.ts'
import { entriesOf, prices } from './prices.ts'

export interface Goal {
  sum: Sum
  what: string
  dollars: number
  mostDollars: number
  isReached: boolean
}

const goalOf = (lines: readonly Line[], sum: Sum, what: string, mostDollars: number): Goal => {
  const dollars = dollarsIn(lines.filter((line) => line.sum === sum))
  return { sum, what, dollars, mostDollars, isReached: dollars <= mostDollars }
}

export const goalsOf = (lines: readonly Line[]): Goal[] => [
  goalOf(lines, 'volume', 'what the volume causes', 0.3),
  goalOf(lines, 'fixed', 'an idle installation with two nodes', 1),
]

const money = (dollars: number): string => (dollars < 0.0005 ? '' : dollars.toFixed(3))

const table = (head: string[]) =>
  new Table({
    head,
    colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
  })

const services = [...new Set(Object.values(prices).map(({ service }) => service))]

const flowText = (lines: readonly Line[], name: string): string[] => [
  name,
  ...services.map((service) =>
    money(dollarsIn(lines.filter(({ price }) => prices[price].service === service))),
  ),
  dollarsIn(lines).toFixed(3),
]

const sumNames: Record<Sum, string> = {
  volume: 'the volume',
  beside: "beside: S3's events where it tells EventBridge, what a standby reads",
  fixed: 'idle installation',
}

/** By flow and service. */
export const monthText = (lines: readonly Line[]): string => {
  const rows = table(['USD a month', ...services, 'sum'])
  for (const sum of ['volume', 'beside', 'fixed'] as const) {
    const own = lines.filter((line) => line.sum === sum)
    for (const flow of new Set(own.map((line) => line.flow)))
      rows.push(
        flowText(
          own.filter((line) => line.flow === flow),
          flow,
        ),
      )
    rows.push(flowText(own, sumNames[sum]))
  }
  return rows.toString()
}

/** What one incremental asks for, until all that follows from it is done. */
export const requestsText = (flows: Flows): string => {
  const rows = table(['one backup, and the deletion that follows', 'count'])
  for (const [name, count] of entriesOf(oneIncremental(flows)))
    rows.push([`${prices[name].service}: ${prices[name].unit}`, count.toFixed(count < 10 ? 2 : 0)])
  return rows.toString()
}

const storageDollarsAGigabyte = 0.023
/** KeepDeletedDays of infra/parameters.yml. */
const keptDays = 7
const pointInTimeDollarsAGigabyte = 0.2
const tableGigabytes = 0.05

/** Sources: as those of prices.ts. */
export const apartText = ({ blocks, changedBlocks, retain, backupsADay }: Case): string => {
  const storage = (count: number): string => (((count * 2 * MiB) / GiB) * storageDollarsAGigabyte).toFixed(2)
  return [
    'apart from both sums, USD a month:',
    `  storage in S3, were nothing to be compressed: ${storage(blocks + changedBlocks * (retain + backupsADay))}`,
    `  what was deleted there, kept for ${keptDays} days more: ${storage(changedBlocks * backupsADay * keptDays)}`,
    '  alarms: 1.30; their own metric: 0.30; the dashboard: 3.00, where there are three already',
    `  point-in-time recovery of a table of ${tableGigabytes} GB: ${(tableGigabytes * pointInTimeDollarsAGigabyte).toFixed(2)}`,
  ].join('\n')
}

export const pricesText = (): string => {
  const rows = table(['price', 'USD a million'])
  for (const { service, unit, perMillion } of Object.values(prices))
    rows.push([`${service}: ${unit}`, String(perMillion)])
  return rows.toString()
}

export const goalsText = (goals: readonly Goal[]): string =>
  goals
    .map(
      ({ what, dollars, mostDollars, isReached }) =>
        `${what}: ${dollars.toFixed(3)} USD a month, at most ${mostDollars.toFixed(2)}: ${isReached ? 'reached' : 'NOT reached'}`,
    )
    .join('\n')
