/**
 * @module operation-view: operations of the service as they are shown.
 */
import { formatBytes } from '#lib/base/sizes.ts'
import type { Operation } from '../answers.ts'
import { counted } from './counted.ts'
import type { Column } from './tables.ts'

/** What it works on: a volume of a cluster, or what is in a target. */
export const subjectOf = ({
  kind,
  cluster,
  volume,
  parameters,
}: Pick<Operation, 'kind' | 'cluster' | 'volume' | 'parameters'>): string => {
  const { target, backupVolume, backup } = parameters
  if (kind === 'collect-blocks') return `${String(target)}/${String(backupVolume)}`
  const isOnTarget = kind === 'delete-backup' || kind === 'verify-backup'
  return isOnTarget ? `${String(target)}/${String(backupVolume)}/${String(backup)}` : `${cluster}/${volume}`
}

const stateText = ({ state, isCancelRequested, endedAt }: Operation): string =>
  isCancelRequested && endedAt === null ? `${state}, told to end` : state

/** Of one that has ended it is what was told last, and no longer true. */
const progressText = ({ kind, progress, endedAt }: Operation): string | undefined => {
  if (!progress || endedAt !== null) return undefined
  const { phase, doneBytes, totalBytes } = progress
  const amount = (count: number) => (kind === 'verify-backup' ? `${count} blocks` : formatBytes(count))
  return `${phase}, ${amount(doneBytes)} of ${amount(totalBytes)}`
}

const causeText = ({ cause }: Operation): string =>
  cause.kind === 'job' ? `job ${cause.job}, ${cause.minute}` : `asked for by ${cause.by}`

/** Of its result, by name. */
export const textIn = ({ result }: Operation, name: string): string | undefined => {
  const value = result?.[name]
  return typeof value === 'string' ? value : undefined
}

/** As `textIn`; what it does not tell is zero. */
export const numberIn = ({ result }: Operation, name: string): number => Number(result?.[name] ?? 0)

const blocksText = (operation: Operation, blocks: string, bytes: string): string =>
  `${counted(numberIn(operation, blocks), 'block')}, ${formatBytes(numberIn(operation, bytes))}`

/** Of a backup. */
export const uploadedText = (operation: Operation): string => blocksText(operation, 'newBlocks', 'newBytes')

/** Of a verification. */
export const readText = (operation: Operation): string =>
  `${blocksText(operation, 'checkedBlocks', 'checkedBytes')} read`

/** Of a deletion. */
export const freedText = (operation: Operation): string => {
  const skipped = textIn(operation, 'skipped')
  return skipped !== undefined
    ? `unused blocks stay for now: ${skipped}`
    : `freed ${formatBytes(numberIn(operation, 'deletedBytes'))}: ${counted(numberIn(operation, 'deletedBlocks'), 'unused block')} deleted`
}

const sizeText = (operation: Operation): string => formatBytes(numberIn(operation, 'sizeBytes'))

/** With those that were bad or lost, if any were. */
const butFor = (text: string, count: number, what: string): string =>
  count === 0 ? text : `${text}; ${counted(count, 'block')} ${what}`

const nothing = (): undefined => undefined

/** What came of one that has succeeded. */
const endTexts: Record<Operation['kind'], (operation: Operation) => string | undefined> = {
  'create-volume': sizeText,
  'delete-volume': nothing,
  'expand-volume': sizeText,
  'attach-volume': (operation) => textIn(operation, 'path'),
  'detach-volume': nothing,
  'create-snapshot': (operation) => textIn(operation, 'snapshot'),
  'delete-snapshot': nothing,
  'revert-volume': nothing,
  'create-backup': uploadedText,
  'restore-backup': (operation) => butFor(sizeText(operation), numberIn(operation, 'lostBlocks'), 'lost'),
  'delete-backup': freedText,
  'collect-blocks': freedText,
  'verify-backup': (operation) => butFor(readText(operation), numberIn(operation, 'badBlocks'), 'bad'),
}

const endText = (operation: Operation): string | undefined => {
  if (operation.state !== 'succeeded') return undefined
  return textIn(operation, 'outcome') === 'nothing-new' ? 'nothing new' : endTexts[operation.kind](operation)
}

const valueText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

const resultText = ({ result }: Operation): string | undefined => {
  const entries = Object.entries(result ?? {}).filter(([, value]) => value !== null)
  return entries.length === 0
    ? undefined
    : entries.map(([name, value]) => `${name}=${valueText(value)}`).join(', ')
}

export const operationFields = (operation: Operation): Record<string, string | undefined> => ({
  operation: operation.id,
  kind: operation.kind,
  of: subjectOf(operation),
  node: operation.node,
  state: stateText(operation),
  cause: causeText(operation),
  'created at': operation.createdAt,
  'ended at': operation.endedAt ?? undefined,
  progress: progressText(operation),
  result: resultText(operation),
  failure: operation.failure?.message,
  hint: operation.failure?.hint,
})

export const operationColumns: Column<Operation>[] = [
  { title: 'OPERATION', value: ({ id }) => id },
  { title: 'KIND', value: ({ kind }) => kind },
  { title: 'OF', value: subjectOf },
  { title: 'STATE', value: stateText },
  { title: 'CREATED AT', value: ({ createdAt }) => createdAt },
  { title: 'CAUSE', value: causeText },
  {
    title: 'REMARK',
    value: (operation) => operation.failure?.message ?? progressText(operation) ?? endText(operation),
  },
]

/** For a line of its own. */
export const operationLine = (operation: Operation): string =>
  [
    operation.kind,
    subjectOf(operation),
    stateText(operation),
    progressText(operation),
    operation.failure?.message,
  ]
    .filter((part) => part !== undefined)
    .join('  ')
