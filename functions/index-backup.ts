/**
 * @module index-backup: an object of a backupstore was written or removed: its backup volume is looked at. And the look at all
 * of a target, for what no event told.
 */
import * as z from 'zod'
import { CodedError } from '#lib/base/errors.ts'
import { gathered } from '#lib/base/gathered.ts'
import type { Log } from '#lib/base/log.ts'
import {
  failureIn,
  indexBackupVolume,
  indexTarget,
  longestFailure,
  type IndexResult,
} from '#lib/backup-index/index-backups.ts'
import {
  backupsOf,
  changedBackupVolumes,
  eventsIn,
  targetToLookAt,
  type ChangedBackupVolume,
} from '#lib/backup-index/object-event.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { Catalog } from '#lib/catalog/catalog.ts'
import type { Target } from '#lib/catalog/entities.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { attempts } from './attempts.ts'
import { handlerOf, type Handler } from './handler.ts'

export interface IndexBackupDeps {
  catalog: Pick<Catalog, 'backups' | 'backupVolumes' | 'targets'>
  openTarget: (target: Target) => Promise<ObjectStore>
  clock: { now: () => Date }
  log: Log
}

const wordsOf = (error: unknown): string => {
  const hint = error instanceof CodedError ? error.hint : undefined
  const message = error instanceof Error ? error.message : String(error)
  return (hint === undefined ? message : `${message}; ${hint}`).slice(0, longestFailure)
}

/** Shows at the target why it cannot be looked at. `isAwaited`: and when that was found. */
const withFailureShown = async <T>(
  { catalog, clock }: IndexBackupDeps,
  { name, isAwaited }: { name: string; isAwaited: boolean },
  work: () => Promise<T>,
): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    const failure = wordsOf(error)
    const indexedAt = clock.now().toISOString()
    await catalog.targets.change(catalogKeys.target(name), (there) => {
      if (there && isAwaited) return { ...there, indexedAt, failure }
      return there && there.failure !== failure ? { ...there, failure } : undefined
    })
    throw error
  }
}

const indexVolumes = (
  deps: IndexBackupDeps,
  target: Target,
  changes: readonly ChangedBackupVolume[],
): Promise<void> =>
  withFailureShown(deps, { name: target.name, isAwaited: false }, async () => {
    const store = await deps.openTarget(target)
    for (const [backupVolume, all] of Map.groupBy(changes, (change) => change.backupVolume)) {
      const backups = backupsOf(all)
      const result = await indexBackupVolume(deps)({ target: target.name, store }, backupVolume, { backups })
      deps.log.info('backup volume indexed', { target: target.name, backupVolume, ...result })
    }
  })

/**
 * What can be read and reached is looked at, whatever else fails. @throws FunctionError `incomplete`, when all else is done.
 */
export const indexBackup =
  (deps: IndexBackupDeps) =>
  async (event: unknown): Promise<void> => {
    const targets = await gathered(deps.catalog.targets.all({ partition: catalogKeys.target('').partition }))
    const trying = attempts(deps.log)
    const changes: ChangedBackupVolume[] = []
    for (const each of eventsIn(event)) {
      const due = targetToLookAt(each)
      if (due !== undefined)
        await trying.make(`looking at target ${due.target}`, async () => {
          await indexTargetNow(deps)(due.target, due)
        })
      else
        await trying.make('reading an event', async () => {
          changes.push(...changedBackupVolumes(each, targets))
        })
    }
    for (const target of targets) {
      const own = changes.filter((change) => change.target === target.name)
      if (own.length > 0)
        await trying.make(`indexing target ${target.name}`, () => indexVolumes(deps, target, own))
    }
    trying.finish()
  }

/**
 * All of a target: sets when, and what is wrong with it. `byHand`: who asked for it says that the store may have been emptied, and
 * waits for `indexedAt` to change, which it then does also where the target cannot be looked at.
 * @returns `undefined`: there is no such target any more.
 */
export const indexTargetNow =
  (deps: IndexBackupDeps) =>
  async (name: string, { byHand = false } = {}): Promise<IndexResult | undefined> => {
    const { catalog, openTarget, clock } = deps
    const target = await catalog.targets.get(catalogKeys.target(name))
    if (!target) return undefined
    const result = await withFailureShown(deps, { name, isAwaited: byHand }, async () =>
      indexTarget(deps)({ target: name, store: await openTarget(target) }, { refusesEmpty: !byHand }),
    )
    const failure = failureIn(result)
    const indexedAt = clock.now().toISOString()
    await catalog.targets.change(
      catalogKeys.target(name),
      (there) => there && { ...there, indexedAt, failure },
    )
    return result
  }

export const indexBackupHandler = (deps: IndexBackupDeps): Handler =>
  handlerOf({ name: 'index-backup', schema: z.unknown() }, deps.log, indexBackup(deps))
