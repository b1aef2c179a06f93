/**
 * @module sizes: bytes, as numbers and as people write them.
 */
export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB
export const TiB = 1024 * GiB

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** `1536` → `1.5 KiB`; whole numbers carry no decimals. */
export const formatBytes = (bytes: number): string => {
  const step = bytes === 0 ? 0 : Math.min(Math.floor(Math.log2(Math.abs(bytes)) / 10), units.length - 1)
  const value = bytes / 1024 ** step
  return `${Number.isInteger(value) ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[step]}`
}
