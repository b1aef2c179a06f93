import { createHash } from 'node:crypto'

/** As long as the random part of Longhorn's names, and the same for the same text: what is made twice gets one name. */
export const sixteenHex = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 16)
