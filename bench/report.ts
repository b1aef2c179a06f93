/**
 * @module report: medians of the runs, and what they reach of the goals, as tables.
 */
import Table from 'cli-table3'
import { formatBytes, MiB } from '#lib/base/sizes.ts'
import type { Measured } from './measure.ts'
import type { PlaceKind } from './places.ts'
import type { ToolName } from './tools.ts'

export const steps = ['full', 'incremental', 'told', 'restore'] as const
export type Step = (typeof steps)[number]

export interface Sample extends Measured {
  tool: ToolName | 'limit'
  compression: string
  place: PlaceKind
  step: Step
  run: number
  /** To the server; absent where there is none. */
  requests: number | undefined
}

export interface Row extends Omit<Sample, 'run'> {
  /** Half of what lies between the fastest and the slowest run, over the median. */
  spread: number | undefined
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [low = Number.NaN, high = Number.NaN] = [
    sorted[sorted.length % 2 === 1 ? middle : middle - 1],
    sorted[middle],
  ]
  return (low + high) / 2
}

const groupOf = ({ place, step, tool, compression }: Sample): string =>
  [place, steps.indexOf(step), tool, compression].join(' ')

const rowOf = (samples: readonly [Sample, ...Sample[]]): Row => {
  const of = (value: (sample: Sample) => number) => median(samples.map(value))
  const seconds = samples.map((sample) => sample.seconds)
  const { run: _, ...first } = samples[0]
  return {
    ...first,
    seconds: median(seconds),
    spread:
      seconds.length === 1 ? undefined : (Math.max(...seconds) - Math.min(...seconds)) / 2 / median(seconds),
    cpuSeconds: of((sample) => sample.cpuSeconds),
    peakRssBytes: of((sample) => sample.peakRssBytes),
    requests: first.requests === undefined ? undefined : of((sample) => sample.requests ?? Number.NaN),
  }
}

/** One for each tool, place and step. */
export const rowsOf = (samples: readonly Sample[]): Row[] => {
  const groups = new Map<string, [Sample, ...Sample[]]>()
  for (const sample of samples) {
    const group = groups.get(groupOf(sample))
    if (group) group.push(sample)
    else groups.set(groupOf(sample), [sample])
  }
  return [...groups.values()].map(rowOf).toSorted((a, b) => {
    const [x, y] = [a, b].map((row) => [row.place, steps.indexOf(row.step)].join(' '))
    return (x ?? '').localeCompare(y ?? '') || a.seconds - b.seconds
  })
}

const decimals = (value: number, count: number): string => (Number.isNaN(value) ? '' : value.toFixed(count))

const stepNames: Record<Step, string> = {
  full: 'full backup',
  incremental: 'incremental',
  told: 'incremental, told what changed',
  restore: 'restore',
}

export const rowsText = (rows: readonly Row[], imageBytes: number): string => {
  const table = new Table({
    head: ['store', 'step', 'tool', 'seconds', '±', 'MiB/s', 'CPU s', 'peak MiB', 'requests'],
    colAligns: ['left', 'left', 'left', 'right', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  })
  for (const row of rows) {
    table.push([
      row.place,
      stepNames[row.step],
      row.tool === 'limit' ? 'limit' : `${row.tool} ${row.compression}`,
      decimals(row.seconds, 2),
      row.spread === undefined ? '' : `${decimals(row.spread * 100, 0)} %`,
      decimals(imageBytes / MiB / row.seconds, 0),
      decimals(row.cpuSeconds, 2),
      decimals(row.peakRssBytes / MiB, 0),
      row.requests === undefined ? '' : String(row.requests),
    ])
  }
  return table.toString()
}

export interface Conditions {
  sizeBytes: number
  runs: number
  cpu: string
  versions: readonly string[]
  /** Before and after: of one minute, and that after includes the bench itself. */
  loadAverages: readonly number[]
  minutes: number
}

export const conditionsText = ({
  sizeBytes,
  runs,
  cpu,
  versions,
  loadAverages,
  minutes,
}: Conditions): string =>
  [
    `${formatBytes(sizeBytes)}, medians of ${runs} runs, in ${minutes.toFixed(1)} minutes`,
    `${cpu}; load average ${loadAverages.map((load) => load.toFixed(1)).join(' before, ')} after`,
    versions.join('; '),
  ].join('\n')
