import { expect, it } from 'vitest'
import { parseQuantity } from './kubernetes-quantity.ts'

it.each([
  ['0', 0],
  ['2097152', 2_097_152],
  ['+2097152', 2_097_152],
  ['2Mi', 2_097_152],
  ['2048Ki', 2_097_152],
  ['16Mi', 16_777_216],
  ['1Gi', 1_073_741_824],
  ['1.5Gi', 1_610_612_736],
  ['2.Mi', 2_097_152],
  ['.5Ki', 512],
  ['2M', 2_000_000],
  ['2k', 2000],
  ['2e6', 2_000_000],
  ['2E6', 2_000_000],
  ['2E', 2e18],
  ['1500m', 2],
  ['-2Mi', -2_097_152],
])('reads %s as %d', (text, value) => {
  expect(parseQuantity(text)).toBe(value)
})

it.each(['', ' 2', '2 Mi', '2MiB', '2mi', '2KiMi', 'Mi', '.', '2e', '0x2', '1_0', '2,0', 'NaN', '٢'])(
  'refuses %j',
  (text) => {
    expect(parseQuantity(text)).toBeUndefined()
  },
)
