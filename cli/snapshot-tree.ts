/**
 * @module snapshot-tree: a volume's snapshots and its head in lines, each below its parent. Pure.
 *
 * Most volumes have one long chain, so only what branches is indented: a lone child stands under its parent.
 */
import type { SnapshotView } from '#lib/volume/snapshot-reader.ts'

export interface TreeLine {
  /** What leads to the name: `├─ `, `│  `. */
  lead: string
  /** `undefined`: the volume's head. */
  snapshot: SnapshotView | undefined
}

type Node = SnapshotView | undefined

const childrenOf = (snapshots: readonly SnapshotView[], parent: Node): Node[] => {
  const children: Node[] = snapshots
    .filter((snapshot) => snapshot.parent === parent?.name)
    .toSorted((a, b) => a.createdAt.localeCompare(b.createdAt))
  const isHeadHere = parent ? parent.isHeadParent : snapshots.every(({ isHeadParent }) => !isHeadParent)
  return isHeadHere ? [...children, undefined] : children
}

const linesUnder = (snapshots: readonly SnapshotView[], parent: Node, lead: string): TreeLine[] => {
  const children = childrenOf(snapshots, parent)
  return children.flatMap((snapshot, index) => {
    const isAlone = children.length === 1
    const isLast = index === children.length - 1
    const own = isAlone ? '' : isLast ? '└─ ' : '├─ '
    const below = isAlone ? '' : isLast ? '   ' : '│  '
    const more = snapshot ? linesUnder(snapshots, snapshot, `${lead}${below}`) : []
    return [{ lead: `${lead}${own}`, snapshot }, ...more]
  })
}

export const snapshotTree = (snapshots: readonly SnapshotView[]): TreeLine[] =>
  linesUnder(snapshots, undefined, '')
