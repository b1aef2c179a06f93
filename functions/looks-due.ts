/**
 * @module looks-due: which targets are to be looked at, for what no event told: asked each minute, and asked for once in a while until
 * the look was taken. Stateless: what decides is when the target was looked at last.
 */
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { Catalog } from '#lib/catalog/catalog.ts'
import type { Target } from '#lib/catalog/entities.ts'
import { settingDefaultsWithEvents, settingValue } from '#lib/catalog/settings.ts'

export interface LooksDueDeps {
  catalog: Pick<Catalog, 'targets' | 'settings'>
  /** Returns when the look will be taken, by somebody else. */
  askForLook: (target: string) => Promise<void>
  clock: { now: () => Date }
}

const minuteMs = 60_000
/**
 * A look that takes long, or fails, is not begun again each minute; and one of a target that is away for long ever more rarely: each takes
 * minutes to find out, which are paid for.
 */
const againAfterMinutes = (lateMinutes: number): number =>
  lateMinutes < 60 ? 15 : lateMinutes < 24 * 60 ? 60 : 6 * 60

const isDue = ({ indexedAt, createdAt }: Target, everySeconds: number, now: Date): boolean => {
  const everyMinutes = indexedAt === null ? 0 : Math.floor(everySeconds / 60)
  const ageMinutes = Math.floor((now.getTime() - Date.parse(indexedAt ?? createdAt)) / minuteMs)
  const lateMinutes = ageMinutes - everyMinutes
  return lateMinutes >= 0 && lateMinutes % againAfterMinutes(lateMinutes) === 0
}

export const looksDue = (deps: LooksDueDeps) => async (): Promise<void> => {
  const { catalog, askForLook, clock } = deps
  const everySeconds = await settingValue(catalog, 'backupstore-poll-interval', settingDefaultsWithEvents)
  if (everySeconds === 0) return
  for await (const target of catalog.targets.all({ partition: catalogKeys.target('x').partition }))
    if (isDue(target, everySeconds, clock.now())) await askForLook(target.name)
}
