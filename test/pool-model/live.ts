/**
 * @module live: a sequence lived through by a volume of a pool, to its end.
 */
import { releaseLeftSnapshots } from '#lib/backup/back-up-volume.ts'
import { silentLog } from '#lib/base/log.ts'
import { MiB } from '#lib/base/sizes.ts'
import { auditVolume, requireSame } from './audit-volume.ts'
import { backupChain } from './backup-chain.ts'
import { copiedContent, forgetContents } from './linux-contents.ts'
import { volumeWriter, type Io, type VolumeWriter } from './linux-volume-writer.ts'
import type { Operation } from './operations.ts'
import type { Command, DrawnDeath, Sequence } from './sequences.ts'
import {
  act,
  canWrite,
  closeWriter,
  modelOf,
  mustRefuse,
  type Place,
  type VolumeLife,
} from './volume-life.ts'
import {
  findModelSnapshot,
  observe,
  withoutModelSnapshot,
  withSnapshot,
  type ModelSnapshot,
} from './volume-model.ts'

/** What was checked. */
export interface Life {
  diffs: number
  snapshots: number
  backups: number
  /** Backups that were told by snapshots what to send. */
  bySnapshots: number
}

const openWriter = async ({ keeper, volume, sequence }: VolumeLife): Promise<VolumeWriter> => {
  const { path } = await keeper.pool().showVolume(volume)
  if (path === undefined) throw new Error('attached without a path')
  return volumeWriter(path, sequence.sectorSizeBytes)
}

const work = async (state: VolumeLife, ios: readonly Io[]): Promise<void> => {
  if (modelOf(state).frontend === 'none') await act(state, { kind: 'detach' })
  if (!canWrite(state)) await act(state, { kind: 'attach', frontend: state.sequence.frontend })
  state.writer ??= await openWriter(state)
  for (const io of ios) await state.writer.apply(io, modelOf(state).head)
}

/** A pool that copies takes no snapshot of what may be written to. */
const makeStill = async (state: VolumeLife, refused?: Operation): Promise<void> => {
  if (state.keeper.pool().kind !== 'copy' || !canWrite(state)) return
  if (refused) await mustRefuse(state, refused, 'not-consistent')
  await act(state, { kind: 'detach' })
}

const nth = <T>(items: readonly T[], position: number): T | undefined => items[position % items.length]

const chosen = (state: VolumeLife, which: number): ModelSnapshot | undefined =>
  nth(modelOf(state).snapshots, which)

const snapshot = async (
  state: VolumeLife,
  insists: boolean,
  death: DrawnDeath | undefined,
): Promise<void> => {
  const operation: Operation = { kind: 'snapshot', name: `snapshot-${(state.snapshotsMade += 1)}` }
  await makeStill(state, insists ? operation : undefined)
  await act(state, operation, death)
}

const revert = async (
  state: VolumeLife,
  name: string,
  command: { insists: boolean } & Mortal,
): Promise<void> => {
  const operation: Operation = { kind: 'revert', name }
  if (canWrite(state)) {
    if (command.insists) await mustRefuse(state, operation, 'volume-attached')
    await act(state, { kind: 'detach' })
  }
  await act(state, operation, command.death)
}

interface Mortal {
  death: DrawnDeath | undefined
}

const mostBytes = 32 * MiB

const expand = async (state: VolumeLife, blocks: number, death: DrawnDeath | undefined): Promise<void> => {
  const sizeBytes = modelOf(state).head.content.length + blocks * state.sequence.blockMiB * MiB
  if (sizeBytes <= mostBytes) await act(state, { kind: 'expand', sizeBytes }, death)
}

const attach = async (
  state: VolumeLife,
  frontend: 'block' | 'file' | 'none',
  death: DrawnDeath | undefined,
) => {
  const operation: Operation = { kind: 'attach', frontend }
  const there = modelOf(state).frontend
  if (there !== undefined && there !== frontend) await mustRefuse(state, operation, 'volume-attached')
  else await act(state, operation, death)
}

/** `false` must be true. `true` must be so too where the content was compared: at rest, and always on Btrfs. */
const ask = async (
  state: VolumeLife,
  { name }: ModelSnapshot,
  death: DrawnDeath | undefined,
): Promise<void> => {
  const answer = await act(state, { kind: 'ask', name }, death)
  if (answer === undefined) return
  const model = modelOf(state)
  const base = findModelSnapshot(model, name)
  const isSame = model.headParent === name && base.content.equals(model.head.content)
  const isExact = !canWrite(state) || state.keeper.pool().kind === 'btrfs'
  if (answer === isSame && (!answer || isExact || !isSame))
    throw new Error(`whether anything was written since ${name}: ${answer}`)
}

/** Snapshots of its own that a backup made or released meanwhile: those it made are of what the head is now. */
const adoptOwnSnapshots = async (state: VolumeLife): Promise<void> => {
  let model = modelOf(state)
  const found = await observe(state.keeper.pool(), state.volume)
  const there = found?.snapshots ?? []
  const unknown = there.filter(({ name }) => model.snapshots.every((known) => known.name !== name))
  const gone = model.snapshots.filter(({ name }) => there.every((each) => each.name !== name))
  if (unknown.length > 1 || [...unknown, ...gone].some(({ isUserCreated }) => isUserCreated))
    throw new Error('a backup made or deleted snapshots that are not its own')
  for (const { name } of unknown) model = withSnapshot(model, name, false)
  for (const { name } of gone) model = withoutModelSnapshot(model, name)
  requireSame(found, model)
  state.model = model
}

const backUp = async (
  state: VolumeLife,
  which: number | undefined,
  death: DrawnDeath | undefined,
): Promise<void> => {
  const { keeper, chain } = state
  await makeStill(state)
  const fit = modelOf(state).snapshots.filter(
    ({ isUserCreated, content }) => isUserCreated && content.length >= chain.largestBytes(),
  )
  const from = which === undefined ? undefined : nth(fit, which)
  const name = chain.next(from?.content ?? copiedContent(modelOf(state).head.content))
  const outcome = await keeper.attempt('backup', death, (pool) => chain.make(pool, name, from?.name))
  await adoptOwnSnapshots(state)
  if (outcome.kind === 'dead') return
  chain.made(name)
  if (outcome.result.comparedBy === 'snapshots') state.bySnapshots += 1
}

const obey = async (state: VolumeLife, command: Command): Promise<void> => {
  switch (command.kind) {
    case 'work':
      return work(state, command.ios)
    case 'snapshot':
      return snapshot(state, command.insists, command.death)
    case 'expand':
      return expand(state, command.blocks, command.death)
    case 'attach':
      return attach(state, command.frontend, command.death)
    case 'detach':
      return void (await act(state, command, command.death))
    case 'backup':
      return backUp(state, command.which, command.death)
    case 'delete':
    case 'revert':
    case 'ask': {
      const found = chosen(state, command.which)
      if (!found) return
      if (command.kind === 'revert') return revert(state, found.name, command)
      if (command.kind === 'ask') return ask(state, found, command.death)
      return void (await act(state, { kind: 'delete', name: found.name }, command.death))
    }
    default:
      return command satisfies never
  }
}

/** What dead processes made for backups goes; the base of the next backup stays. */
const releaseLeft = async (state: VolumeLife): Promise<void> => {
  await releaseLeftSnapshots({ pool: state.keeper.pool(), log: silentLog })(state.volume)
  await adoptOwnSnapshots(state)
  const left = modelOf(state).snapshots.filter(({ isUserCreated }) => !isUserCreated)
  if (left.length > 1)
    throw new Error(`snapshots of backups are left: ${left.map(({ name }) => name).join()}`)
}

const begin = async (state: VolumeLife): Promise<void> => {
  const { sizeMiB, blockMiB, sectorSizeBytes, creationDeath } = state.sequence
  const operation: Operation = {
    kind: 'create',
    sizeBytes: Math.ceil(sizeMiB / blockMiB) * blockMiB * MiB,
    blockSizeBytes: blockMiB * MiB,
    sectorSizeBytes,
  }
  await act(state, operation, creationDeath)
  if (!state.model) await act(state, operation)
}

const end = async (state: VolumeLife): Promise<void> => {
  await act(state, { kind: 'detach' })
  await act(state, { kind: 'remove' }, state.sequence.removalDeath)
  if (state.model) await act(state, { kind: 'remove' })
}

const judgeLife = async (state: VolumeLife): Promise<Life> => {
  const { keeper, volume, chain, scratch, sequence, bySnapshots } = state
  const model = modelOf(state)
  const diffs = await auditVolume(keeper.pool(), volume, { model, pairs: sequence.pairs })
  const backups = await chain.check(scratch)
  await releaseLeft(state)
  await end(state)
  return { diffs, snapshots: model.snapshots.length, backups, bySnapshots }
}

/** To its end, when nothing of the volume is left. @throws whatever was not as it must be. */
export const live = async (place: Place, sequence: Sequence, volume: string): Promise<Life> => {
  const chain = backupChain(volume, place.workers)
  const state: VolumeLife = {
    ...place,
    sequence,
    volume,
    model: undefined,
    writer: undefined,
    chain,
    snapshotsMade: 0,
    bySnapshots: 0,
  }
  try {
    await begin(state)
    for (const command of sequence.commands) await obey(state, command)
    return await judgeLife(state)
  } finally {
    await closeWriter(state)
    forgetContents()
  }
}
