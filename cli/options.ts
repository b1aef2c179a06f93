/**
 * @module options: the values of options, from text.
 */
import { InvalidArgumentError } from 'commander'
import { isValidName } from '#lib/backupstore/names.ts'

const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** `90s`, `15m`, `1h`, in milliseconds. @throws InvalidArgumentError. */
export const parseDuration = (text: string): number => {
  const [, amount = '', unit = ''] = /^(\d{1,6})(ms|s|m|h)$/.exec(text) ?? []
  const factor = unitMs[unit]
  if (factor === undefined) throw new InvalidArgumentError('Write it as 90s, 15m or 1h.')
  return Number(amount) * factor
}

/** Names that become part of keys in a store. @throws InvalidArgumentError. */
export const parseName = (text: string): string => {
  if (isValidName(text)) return text
  throw new InvalidArgumentError(
    'A name has letters, digits, "_", "." and "-", and begins with a letter or digit.',
  )
}

export const parseNotEmpty = (text: string): string => {
  if (text.trim() !== '') return text
  throw new InvalidArgumentError('It is empty.')
}
