/**
 * @module volume-model: what a volume must be: its content and that of its snapshots, in memory.
 *
 * Beside each 4 KiB it keeps a stamp: which write, discard or zeroing touched it last; 0: none ever did. Two images with the
 * same stamp somewhere have the same block there, by whatever way they came to it: snapshots, reverts, deletions in between.
 */
import type { Frontend } from '#lib/volume/attachment-state.ts'
import type { Pool } from '#lib/volume/pool.ts'
import { VolumeError } from '#lib/volume/volume-error.ts'
import { extentUnitBytes } from '#lib/volume/extents.ts'
import { copiedContent } from './linux-contents.ts'
import type { Operation } from './operations.ts'

export interface Image {
  content: Buffer
  /** For each 4 KiB. */
  stamps: Uint32Array
}

export interface ModelSnapshot extends Image {
  name: string
  parent: string | undefined
  isUserCreated: boolean
}

export interface VolumeModel {
  head: Image
  headParent: string | undefined
  snapshots: readonly ModelSnapshot[]
  frontend: Frontend | undefined
}

/** What lies beyond the image is zeros that nobody touched. */
const resized = ({ content, stamps }: Image, sizeBytes: number): Image => {
  const larger = new Uint32Array(sizeBytes / extentUnitBytes)
  larger.set(stamps)
  return { content: copiedContent(content, sizeBytes), stamps: larger }
}

let stamp = 0
export const nextStamp = (): number => (stamp += 1)

export const touch = ({ stamps }: Image, offsetBytes: number, lengthBytes: number, by: number): void => {
  const end = Math.ceil((offsetBytes + lengthBytes) / extentUnitBytes)
  stamps.fill(by, Math.floor(offsetBytes / extentUnitBytes), end)
}

export const findModelSnapshot = (model: VolumeModel, name: string): ModelSnapshot => {
  const found = model.snapshots.find((snapshot) => snapshot.name === name)
  if (found) return found
  throw new Error(`the model has no snapshot ${name}`)
}

export const withSnapshot = (model: VolumeModel, name: string, isUserCreated = true): VolumeModel => ({
  ...model,
  headParent: name,
  snapshots: [
    ...model.snapshots,
    { ...resized(model.head, model.head.content.length), name, parent: model.headParent, isUserCreated },
  ],
})

export const withoutModelSnapshot = (model: VolumeModel, name: string): VolumeModel => {
  const { parent } = findModelSnapshot(model, name)
  return {
    ...model,
    headParent: model.headParent === name ? parent : model.headParent,
    snapshots: model.snapshots
      .filter((snapshot) => snapshot.name !== name)
      .map((snapshot) => (snapshot.parent === name ? { ...snapshot, parent } : snapshot)),
  }
}

/** `undefined`: there is no such volume. What was given stays as it was. */
export const applied = (model: VolumeModel | undefined, operation: Operation): VolumeModel | undefined => {
  if (operation.kind === 'create') {
    const nothing = { content: Buffer.alloc(0), stamps: new Uint32Array(0) }
    const head = resized(nothing, operation.sizeBytes)
    return { head, headParent: undefined, snapshots: [], frontend: undefined }
  }
  if (!model) throw new Error(`the model has no volume to ${operation.kind}`)
  switch (operation.kind) {
    case 'snapshot':
      return withSnapshot(model, operation.name)
    case 'delete':
      return withoutModelSnapshot(model, operation.name)
    case 'revert': {
      const head = resized(findModelSnapshot(model, operation.name), model.head.content.length)
      return { ...model, head, headParent: operation.name }
    }
    case 'expand':
      return { ...model, head: resized(model.head, operation.sizeBytes) }
    case 'attach':
      return { ...model, frontend: operation.frontend }
    case 'detach':
      return { ...model, frontend: undefined }
    case 'ask':
      return model
    case 'remove':
      return undefined
    default:
      return operation satisfies never
  }
}

/** When it is not known which of two it is: where they differ, it may be either. */
export const either = (one: VolumeModel, other: VolumeModel): VolumeModel => {
  const { content, stamps } = one.head
  const unsure = nextStamp()
  const mixed = stamps.map((value, unit) => (value === other.head.stamps[unit] ? value : unsure))
  return { ...one, head: { content, stamps: mixed } }
}

/** What of it the pool tells. */
export const summaryOf = (model: VolumeModel | undefined) =>
  model && {
    sizeBytes: model.head.content.length,
    frontend: model.frontend,
    headParent: model.headParent,
    snapshots: model.snapshots.map(({ name, parent, isUserCreated, content }) => ({
      name,
      parent,
      isUserCreated,
      sizeBytes: content.length,
      children: model.snapshots.filter((child) => child.parent === name).map((child) => child.name),
    })),
  }
export type Summary = ReturnType<typeof summaryOf>

export const observe = async (pool: Pool, volume: string): Promise<Summary> => {
  try {
    const { sizeBytes, frontend } = await pool.showVolume(volume)
    const snapshots = await pool.listSnapshots(volume)
    return {
      sizeBytes,
      frontend,
      headParent: snapshots.find(({ isHeadParent }) => isHeadParent)?.name,
      snapshots: snapshots.map(({ name, parent, isUserCreated, sizeBytes: size, children }) => ({
        name,
        parent,
        isUserCreated,
        sizeBytes: size,
        children,
      })),
    }
  } catch (error) {
    if (error instanceof VolumeError && error.code === 'volume-not-found') return undefined
    throw error
  }
}
