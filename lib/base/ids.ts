/**
 * @module ids: random names as a port.
 */
import { randomBytes } from 'node:crypto'

export interface Ids {
  /** `{prefix}-{16 hex digits}`, the form of Longhorn's generated names (backup-…, lock-…, snap-…). */
  name(prefix: string): string
}

export const randomIds: Ids = { name: (prefix) => `${prefix}-${randomBytes(8).toString('hex')}` }
