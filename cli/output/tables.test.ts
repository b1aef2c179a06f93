import { describe, expect, it } from 'vitest'
import { fieldsText, tableText } from './tables.ts'

const rows = [
  { name: 'web', size: '128 MiB' },
  { name: 'a longer name', size: undefined },
]
const columns = [
  { title: 'NAME', value: (row: (typeof rows)[number]) => row.name },
  { title: 'SIZE', value: (row: (typeof rows)[number]) => row.size, isRight: true },
]

describe('tables', () => {
  it('aligns columns, without lines and colours', () => {
    expect(tableText(rows, columns)).toBe(
      ['NAME              SIZE', 'web            128 MiB', 'a longer name        -'].join('\n'),
    )
  })

  it('aligns fields, and leaves out what is not known', () => {
    expect(fieldsText({ backup: 'monday', state: 'ok', labels: undefined })).toBe(
      'backup  monday\nstate   ok',
    )
  })

  it('shows escape sequences from a store instead of sending them to the terminal', () => {
    expect(tableText([{ name: '\u001b[2J\nweb', size: '1' }], columns)).toContain('\\u001b[2J\\u000aweb')
    expect(fieldsText({ labels: 'a=\u009b2J\u202e' })).toBe('labels  a=\\u009b2J\\u202e')
  })
})
