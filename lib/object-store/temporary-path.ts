/**
 * @module temporary-path: names for files that are not objects yet, in Longhorn's form, whose digits are Unix nanoseconds.
 */
import { randomInt } from 'node:crypto'

const count = 1_000_000
let last = randomInt(count)

/** `{path}.tmp.{19 digits}`: never the same twice from this process, and hardly ever from two. */
export const temporaryPath = (path: string): string => {
  last = (last + 1) % count
  return `${path}.tmp.${Date.now()}${last.toString().padStart(6, '0')}`
}
