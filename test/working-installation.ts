/**
 * @module working-installation: an installation in memory, for tests. Until its stack is gone its functions are at work: between any two
 * calls they make something new.
 */
import { InstallationError } from '#lib/installation/installation-error.ts'
import {
  madeKinds,
  type Installation,
  type Made,
  type MadeKind,
  type StackState,
} from '#lib/installation/installation.ts'

export interface WorkingInstallationSettings {
  stack?: Partial<Extract<StackState, { kind: 'there' }>>
  /** It is there no more. */
  isGone?: boolean
  /** How often a name is listed after it was removed. */
  listedAfterRemoval?: number
  /** Of what the stack's deletion stops at. */
  failures?: string[]
  /** Which call is cut off, before its effect is seen; the first is 1. */
  cutOffAt?: { call: number }
}

const kept = [{ type: 'AWS::S3::Bucket', name: 'backups' }]

export const workingInstallation = (settings: WorkingInstallationSettings = {}) => {
  const { stack, isGone = false, listedAfterRemoval = 0, failures = [], cutOffAt } = settings
  const calls: string[] = []
  const made: Record<MadeKind, Set<string>> = { rules: new Set(), queues: new Set(), secrets: new Set() }
  const stillListed = new Map<string, number>()
  let state: StackState = isGone
    ? { kind: 'unknown' }
    : { kind: 'there', id: 'arn:stack/drover', status: 'CREATE_COMPLETE', isDrover: true, kept, ...stack }
  let looksUntilGone = 2

  const call = (name: string): void => {
    calls.push(name)
    if (state.kind === 'there' && looksUntilGone > 0)
      for (const kind of madeKinds) made[kind].add(`${kind}-${calls.length}`)
    if (calls.length === cutOffAt?.call) throw new Error('cut off')
  }
  const listedNow = (kind: MadeKind, name: string): boolean => {
    const often = stillListed.get(`${kind}/${name}`) ?? 0
    stillListed.set(`${kind}/${name}`, often - 1)
    return often > 0
  }
  const madeOf = (kind: MadeKind): Made => {
    const removed = new Set<string>()
    return {
      list: async () => {
        const ghosts = [...removed].filter((name) => listedNow(kind, name))
        call(`list ${kind}`)
        return [...made[kind], ...ghosts].toSorted()
      },
      remove: async (name) => {
        if (made[kind].delete(name)) {
          removed.add(name)
          stillListed.set(`${kind}/${name}`, listedAfterRemoval)
        }
        call(`remove ${kind}`)
      },
    }
  }
  const installation: Installation = {
    rules: madeOf('rules'),
    queues: madeOf('queues'),
    secrets: madeOf('secrets'),
    stack: {
      look: async () => {
        call('look')
        return state
      },
      startDeletion: async () => {
        if (state.kind === 'there' && state.status !== 'DELETE_IN_PROGRESS')
          state = { ...state, status: 'DELETE_IN_PROGRESS' }
        call('startDeletion')
      },
      deletion: async (id) => {
        call('deletion')
        if (state.kind !== 'there')
          return { status: 'DELETE_COMPLETE', failures: [], deletedResources: 3, allResources: 3 }
        if (state.status !== 'DELETE_IN_PROGRESS') throw new InstallationError('failed', 'not begun')
        looksUntilGone--
        if (looksUntilGone > 0)
          return { status: 'DELETE_IN_PROGRESS', failures: [], deletedResources: 1, allResources: 3 }
        if (failures.length > 0)
          return { status: 'DELETE_FAILED', failures, deletedResources: 2, allResources: 3 }
        state = { kind: 'deleted', id, deletedAt: '2026-01-01T00:00:00.000Z', kept }
        return { status: 'DELETE_COMPLETE', failures: [], deletedResources: 3, allResources: 3 }
      },
    },
  }
  return { installation, calls, made }
}
