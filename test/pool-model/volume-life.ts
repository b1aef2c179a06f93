/**
 * @module volume-life: a volume of a pool beside the model of what it must be, through the deaths of whoever works on it.
 *
 * What the process died in happened wholly or not at all: after the recovery the volume is one of two models.
 */
import { isDeepStrictEqual } from 'node:util'
import type { BlockWorkers } from '#lib/backup/block-workers.ts'
import { VolumeError, type VolumeErrorCode } from '#lib/volume/volume-error.ts'
import { checkSummary, readHead } from './audit-volume.ts'
import type { BackupChain } from './backup-chain.ts'
import type { VolumeWriter } from './linux-volume-writer.ts'
import { perform, type Operation } from './operations.ts'
import { attemptOperation, type PoolKeeper } from './pool-keeper.ts'
import type { DrawnDeath, Sequence } from './sequences.ts'
import { applied, either, observe, summaryOf, type VolumeModel } from './volume-model.ts'

export interface Place {
  keeper: PoolKeeper
  workers: BlockWorkers
  /** For restored files. */
  scratch: string
  /** Whether a death is that of a child. */
  inChild: boolean
}

export interface VolumeLife extends Place {
  sequence: Sequence
  volume: string
  model: VolumeModel | undefined
  writer: VolumeWriter | undefined
  chain: BackupChain
  snapshotsMade: number
  bySnapshots: number
}

export const modelOf = (state: VolumeLife): VolumeModel => {
  if (state.model) return state.model
  throw new Error('the model has no volume')
}

export const closeWriter = async (state: VolumeLife): Promise<void> => {
  await state.writer?.close()
  state.writer = undefined
}

/** Which of the models it is, after a death. */
const judge = async (
  state: VolumeLife,
  before: VolumeModel | undefined,
  after: VolumeModel | undefined,
): Promise<VolumeModel | undefined> => {
  const pool = state.keeper.pool()
  const found = await observe(pool, state.volume)
  if (!found) {
    if (before && after) throw new Error('the volume is gone')
    return undefined
  }
  const head = await readHead(pool, state.volume, found.sizeBytes)
  const isIt = (model: VolumeModel | undefined): model is VolumeModel =>
    isDeepStrictEqual(summaryOf(model), found) && model?.head.content.equals(head) === true
  if (isIt(before) && isIt(after)) return either(before, after)
  if (isIt(before)) return before
  if (isIt(after)) return after
  const [one, other] = [JSON.stringify(summaryOf(before)), JSON.stringify(summaryOf(after))]
  throw new Error(`the volume is ${JSON.stringify(found)}, neither ${one} nor ${other}, or has other content`)
}

const endsWriting = new Set<Operation['kind']>(['detach', 'revert', 'remove'])

/** Its answer; `undefined` also if the process died. */
export const act = async (
  state: VolumeLife,
  operation: Operation,
  death?: DrawnDeath,
): Promise<boolean | undefined> => {
  if (endsWriting.has(operation.kind)) await closeWriter(state)
  const { keeper, volume, inChild } = state
  const before = state.model
  const outcome = await attemptOperation(keeper, { volume, operation, death, inChild })
  const after = applied(before, operation)
  if (outcome.kind === 'done') {
    state.model = after
    return outcome.result
  }
  state.model = await judge(state, before, after)
  return undefined
}

export const mustRefuse = async (
  state: VolumeLife,
  operation: Operation,
  code: VolumeErrorCode,
): Promise<void> => {
  const error = await perform(state.keeper.pool(), state.volume, operation).then(
    () => undefined,
    (refusal: unknown) => refusal,
  )
  if (!(error instanceof VolumeError) || error.code !== code)
    throw new Error(`${operation.kind} must be refused with ${code}`, { cause: error })
  await checkSummary(state.keeper.pool(), state.volume, state.model)
}

export const canWrite = (state: VolumeLife): boolean => {
  const { frontend } = modelOf(state)
  return frontend !== undefined && frontend !== 'none'
}
