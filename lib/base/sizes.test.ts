import { expect, it } from 'vitest'
import { formatBytes } from './sizes.ts'

it.each([
  [0, '0 B'],
  [1, '1 B'],
  [1023, '1023 B'],
  [1024, '1 KiB'],
  [1536, '1.50 KiB'],
  [2 * 2 ** 20, '2 MiB'],
  [12.34 * 2 ** 20, '12.3 MiB'],
  [2 ** 40, '1 TiB'],
  [2 ** 60, '1024 PiB'],
])('writes %d bytes as %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})
