import type { CollectOutcome } from '#lib/backup/collect-blocks.ts'
import { formatBytes } from '#lib/base/sizes.ts'
import { counted } from './counted.ts'

/** What a collection of unused blocks did, or why it did nothing. */
export const collectText = (outcome: CollectOutcome): string => {
  const marks = outcome.removedMarks.map((name) => `removed what the failed backup ${name} left`)
  switch (outcome.kind) {
    case 'collected': {
      const { deletedBlocks, deletedBytes, keptBlocks, missingBlocks } = outcome
      const freed = `freed ${formatBytes(deletedBytes)}: ${counted(deletedBlocks, 'unused block')} deleted, ${keptBlocks} kept`
      const missing = `${counted(missingBlocks, 'block')} of the backups missing: look with "drover backup verify"`
      return [...marks, freed, ...(missingBlocks > 0 ? [missing] : [])].join('\n')
    }
    case 'skipped':
      return [
        ...marks,
        `unused blocks stay for now: ${outcome.detail}; free them later with "drover backup collect"`,
      ].join('\n')
    default:
      return outcome satisfies never
  }
}
