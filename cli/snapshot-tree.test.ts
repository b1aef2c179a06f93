import { describe, expect, it } from 'vitest'
import type { SnapshotView } from '#lib/volume/snapshot-reader.ts'
import { snapshotTree } from './snapshot-tree.ts'

/** `b<a` has the parent a; `b<a*` is the head's parent. */
const snapshots = (...texts: string[]): SnapshotView[] =>
  texts.map((text, index) => {
    const [, name = '', parent, head] = /^(\w+)(?:<(\w+))?(\*)?$/.exec(text) ?? []
    return {
      id: name,
      identity: name,
      name,
      parentId: parent ?? null,
      parent,
      children: [],
      isHeadParent: head !== undefined,
      createdAt: `2026-01-02T03:04:0${index}Z`,
      isUserCreated: true,
      labels: {},
      sizeBytes: 0,
      ownBytes: 0,
      consistency: 'at-rest',
      writeMark: null,
    }
  })

const drawn = (...texts: string[]): string[] =>
  snapshotTree(snapshots(...texts)).map(({ lead, snapshot }) => `${lead}${snapshot?.name ?? 'HEAD'}`)

describe('snapshotTree', () => {
  it('leaves a chain as it is', () => {
    expect(drawn('a', 'b<a', 'c<b*')).toEqual(['a', 'b', 'c', 'HEAD'])
  })

  it('indents branches, with the head as one of them', () => {
    expect(drawn('a', 'b<a', 'c<b', 'd<a', 'e<d*', 'f<d')).toEqual([
      'a',
      '├─ b',
      '│  c',
      '└─ d',
      '   ├─ e',
      '   │  HEAD',
      '   └─ f',
    ])
    expect(drawn('a', 'b<a*', 'c<b')).toEqual(['a', 'b', '├─ c', '└─ HEAD'])
  })

  it('draws several roots, one of which may be the head', () => {
    expect(drawn('a*', 'b')).toEqual(['├─ a', '│  HEAD', '└─ b'])
    expect(drawn('a')).toEqual(['├─ a', '└─ HEAD'])
    expect(drawn()).toEqual(['HEAD'])
  })

  it('puts siblings in the order of their making', () => {
    const [a, b, c] = snapshots('a*', 'b<a', 'c<a')
    const names = snapshotTree([c!, b!, a!]).map(({ snapshot }) => snapshot?.name)
    expect(names).toEqual(['a', 'b', 'c', undefined])
  })
})
