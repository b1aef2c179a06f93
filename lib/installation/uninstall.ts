/**
 * @module uninstall: takes an installation away. The stack first, with the functions in it: they are what makes rules and queues, so that
 * nothing is made any more while what they had made is removed. Cut off anywhere, it is run again: each step looks at what is there.
 */
import type { Clock } from '#lib/base/clock.ts'
import { findLeftovers, isAnythingLeft, type Leftovers } from './find-leftovers.ts'
import { InstallationError } from './installation-error.ts'
import { madeKinds, type Installation, type MadeKind } from './installation.ts'

export interface UninstallStep {
  what: 'stack' | MadeKind
  done: number
  total: number
}

export interface UninstallDeps {
  installation: Installation
  clock: Clock
  onStep: (step: UninstallStep) => void
  signal: AbortSignal
}

export interface Uninstall {
  keepSecrets: boolean
}

const pollMs = 5000
/** CloudFormation gives up by itself long before. */
const mostStackMs = 2 * 3600_000
/**
 * A queue that was deleted is listed for up to 60 s more, a secret for a moment.
 * Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html
 */
const mostListedMs = 90_000

const deletionFailed = (id: string, failures: readonly string[]): InstallationError =>
  new InstallationError('deletion-failed', `CloudFormation could not delete ${id}: ${failures.join('; ')}`, {
    hint: 'see to what it names, and run this again; what the functions had made is still there',
  })

const deleteStack = async (deps: UninstallDeps, id: string): Promise<void> => {
  const { clock, installation, onStep, signal } = deps
  const endMs = clock.now().getTime() + mostStackMs
  await installation.stack.startDeletion(id)
  for (;;) {
    const { status, failures, deletedResources, allResources } = await installation.stack.deletion(id)
    onStep({ what: 'stack', done: deletedResources, total: allResources })
    if (status === 'DELETE_COMPLETE') return
    if (status === 'DELETE_FAILED') throw deletionFailed(id, failures)
    if (clock.now().getTime() >= endMs)
      throw new InstallationError('busy', `CloudFormation is still deleting ${id}`, {
        hint: 'run this again later: it goes on where it was',
      })
    await clock.sleep(pollMs, signal)
  }
}

const removeAll = async (deps: UninstallDeps, kind: MadeKind): Promise<void> => {
  const made = deps.installation[kind]
  const names = await made.list()
  for (const [index, name] of names.entries()) {
    deps.onStep({ what: kind, done: index, total: names.length })
    await made.remove(name)
  }
}

/** What was removed may be listed for a while. */
const leftAtLast = async ({ clock, installation, signal }: UninstallDeps, kinds: readonly MadeKind[]) => {
  const endMs = clock.now().getTime() + mostListedMs
  for (;;) {
    const left = await findLeftovers(installation)
    const isDone = kinds.every((kind) => left[kind].length === 0)
    if (isDone || clock.now().getTime() >= endMs) return left
    await clock.sleep(pollMs, signal)
  }
}

/** @throws InstallationError `not-drover`: nothing was touched. */
export const checkIsDrover = ({ stack }: Pick<Leftovers, 'stack'>): void => {
  if (stack.kind !== 'there' || stack.isDrover) return
  throw new InstallationError('not-drover', `stack ${stack.id} is no installation of Drover`, {
    hint: 'see the names of all stacks: aws cloudformation list-stacks',
  })
}

export interface Uninstalled {
  left: Leftovers
  /** But for secrets that were to stay. */
  isComplete: boolean
}

/** Safe to repeat. @throws InstallationError. */
export const uninstall =
  (deps: UninstallDeps) =>
  async ({ keepSecrets }: Uninstall): Promise<Uninstalled> => {
    const stack = await deps.installation.stack.look()
    checkIsDrover({ stack })
    if (stack.kind === 'there') await deleteStack(deps, stack.id)
    const kinds = madeKinds.filter((kind) => !(keepSecrets && kind === 'secrets'))
    for (const kind of kinds) await removeAll(deps, kind)
    const left = await leftAtLast(deps, kinds)
    return { left, isComplete: !isAnythingLeft(keepSecrets ? { ...left, secrets: [] } : left) }
  }
