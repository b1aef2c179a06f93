/**
 * @module snapshot-tree: a volume's snapshots and its head in lines, each below its parent. Pure.
 *
 * Most volumes have one long chain, so only what branches is indented: a lone child stands under its parent.
 */
export interface InTree {
  name: string
  parent: string | undefined
  createdAt: string
  /** Of all or of none: where that is not known, the head is left out. */
  isHeadParent?: boolean
}

export interface TreeLine<Snapshot> {
  /** What leads to the name: `├─ `, `│  `. */
  lead: string
  /** `undefined`: the volume's head. */
  snapshot: Snapshot | undefined
}

const childrenOf = <Snapshot extends InTree>(
  snapshots: readonly Snapshot[],
  parent: Snapshot | undefined,
): (Snapshot | undefined)[] => {
  const children: (Snapshot | undefined)[] = snapshots
    .filter((snapshot) => snapshot.parent === parent?.name)
    .toSorted((a, b) => a.createdAt.localeCompare(b.createdAt))
  const isHeadHere = parent
    ? parent.isHeadParent
    : snapshots.every(({ isHeadParent }) => isHeadParent === false)
  return isHeadHere ? [...children, undefined] : children
}

const linesUnder = <Snapshot extends InTree>(
  snapshots: readonly Snapshot[],
  parent: Snapshot | undefined,
  lead: string,
): TreeLine<Snapshot>[] => {
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

export const snapshotTree = <Snapshot extends InTree>(snapshots: readonly Snapshot[]): TreeLine<Snapshot>[] =>
  linesUnder(snapshots, undefined, '')
