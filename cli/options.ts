/**
 * @module options: the values of options, from text.
 */
import { InvalidArgumentError, Option } from 'commander'
import { parseQuantity } from '#lib/backupstore/kubernetes-quantity.ts'
import { isValidName } from '#lib/backupstore/names.ts'

const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** `90s`, `15m`, `1h`, in milliseconds. @throws InvalidArgumentError. */
export const parseDuration = (text: string): number => {
  const [, amount = '', unit = ''] = /^(\d{1,6})(ms|s|m|h)$/.exec(text) ?? []
  const factor = unitMs[unit]
  if (factor === undefined) throw new InvalidArgumentError('Write it as 90s, 15m or 1h.')
  return Number(amount) * factor
}

/** `90s`, `12h`, `30d`, in seconds. @throws InvalidArgumentError. */
export const parseLifetime = (text: string): number => {
  const [, amount = '', unit = ''] = /^([1-9]\d{0,5})([smhd])$/.exec(text) ?? []
  if (unit === '') throw new InvalidArgumentError('Write it as 1h or 30d.')
  return unit === 'd' ? Number(amount) * 86_400 : parseDuration(text) / 1000
}

/** How many. @throws InvalidArgumentError. */
export const parseCount = (text: string): number => {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It is a whole number from 1.')
}

/** Names that become part of keys in a store. @throws InvalidArgumentError. */
export const parseName = (text: string): string => {
  if (isValidName(text)) return text
  throw new InvalidArgumentError(
    'A name has letters, digits, "_", "." and "-", and begins with a letter or digit.',
  )
}

/** `20Gi`, `1.5Gi`, `2097152`, in bytes. @throws InvalidArgumentError. */
export const parseSize = (text: string): number => {
  const bytes = parseQuantity(text)
  // Kubernetes' 100m are a tenth of a byte, and never what was meant.
  if (bytes !== undefined && bytes > 0 && Number.isSafeInteger(bytes) && !/[num]$/.test(text)) return bytes
  throw new InvalidArgumentError('Write it as 20Gi, 512Mi or in bytes.')
}

/** @throws InvalidArgumentError. */
export const parsePercentage =
  (least: number, most: number) =>
  (text: string): number => {
    if (/^\d{1,6}$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text)
    throw new InvalidArgumentError(`It is a whole number from ${least} to ${most}.`)
  }

/** Those that Longhorn has. */
export const blockSizes = { '2Mi': 2_097_152, '16Mi': 16_777_216 } as const
export type BlockSize = keyof typeof blockSizes

export const sectorSizes = { '512': 512, '4096': 4096 } as const
export type SectorSize = keyof typeof sectorSizes

/** Of a new volume, as are the two after it. */
export const sizeOption = (): Option =>
  new Option('--size <size>', 'as 20Gi or in bytes; rounded up to whole blocks, and to 10Mi')
    .argParser(parseSize)
    .makeOptionMandatory()

export const blockSizeOption = (): Option =>
  new Option('--block-size <size>', 'what its backups are made of (default: 2Mi)').choices(
    Object.keys(blockSizes),
  )

export const sectorSizeOption = (): Option =>
  new Option('--sector-size <bytes>', 'of its device (default: 512)').choices(Object.keys(sectorSizes))

export const parseNotEmpty = (text: string): string => {
  if (text.trim() !== '') return text
  throw new InvalidArgumentError('It is empty.')
}
