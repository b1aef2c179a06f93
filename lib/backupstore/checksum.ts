/**
 * @module checksum: the one checksum of the format, H(x) = the first 32 bytes of SHA-512(x), as 64 lower-case hex digits.
 *
 * Not SHA-512/256 (another start value) and not SHA-256. Names blocks, and the folders of volumes.
 * Source: longhorn.md 1.1, `bs/util/util.go` GetChecksum.
 */
import { hash } from 'node:crypto'

export const checksumBytes = 32

const checksumPattern = /^[0-9a-f]{64}$/

export const isChecksum = (text: string): boolean => checksumPattern.test(text)

export const checksumOf = (data: Uint8Array | string): string =>
  hash('sha512', data, 'hex').slice(0, 2 * checksumBytes)
