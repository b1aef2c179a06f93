/**
 * @module tables: results as people read them: columns without borders, so that they can be cut and pasted.
 */
import Table from 'cli-table3'
import { printable } from './printable.ts'

export interface Column<Row> {
  title: string
  /** `undefined` is shown as `-`. */
  value: (row: Row) => string | undefined
  /** For numbers. */
  isRight?: boolean
}

const borders = [
  'top',
  'top-mid',
  'top-left',
  'top-right',
  'bottom',
  'bottom-mid',
  'bottom-left',
  'bottom-right',
] as const
const lines = ['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'] as const
const noLines = Object.fromEntries([...borders, ...lines].map((name) => [name, '']))

export const tableText = <Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string => {
  const table = new Table({
    head: columns.map((column) => column.title),
    colAligns: columns.map((column) => (column.isRight ? 'right' : 'left')),
    chars: { ...noLines, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  })
  for (const row of rows) table.push(columns.map((column) => printable(column.value(row) ?? '-')))
  return trimLines(table.toString())
}

const trimLines = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')

/** One thing, a line for each of its properties; those that are `undefined` are left out. */
export const fieldsText = (fields: Record<string, string | undefined>): string => {
  const shown = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined)
  const width = Math.max(...shown.map(([name]) => name.length)) + 2
  return shown.map(([name, value]) => `${name.padEnd(width)}${printable(value)}`).join('\n')
}
