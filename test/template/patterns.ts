/**
 * @module patterns: the patterns that a stack's rules are to have.
 */
import { objectEventPattern } from '#lib/backup-index/object-event-pattern.ts'
import type { Patterns } from './wiring-faults.ts'

export const patternsOf = (stack: string): Patterns => ({
  objects: objectEventPattern,
  looks: { source: ['drover'], 'detail-type': ['Target Look Due'], detail: { stack: [stack] } },
})
