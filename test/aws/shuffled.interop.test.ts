/**
 * What wakes the packaged functions, in AWS's shapes, more than once, late and in any order: runs, operations, backups and retention end
 * the same. `DROVER_SEED=7` runs one order again.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gathered } from '#lib/base/gathered.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { isEnded, type Operation } from '#lib/operation/operation.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import { startLocalAws, type LocalAws } from './local-aws.ts'
import { shuffling, type Shuffling } from './shuffling.ts'
import { cluster, job, makeEstate, target, volumes, type Estate } from './small-estate.ts'
import { startStandInNode, type StandInNode } from './stand-in-node.ts'
import { until } from './until.ts'

const seedCount = 12
const given = process.env['DROVER_SEED']
const seeds = given === undefined ? Array.from({ length: seedCount }, (_, at) => at + 1) : [Number(given)]

const minutes = ['01', '02', '03'].map((hour) => `2027-02-03T${hour}:00:00.000Z`)
/** In which no rule is due: what is still to be repeated is. */
const idleMinute = '2027-02-03T03:30:00.000Z'

const operationId = (minute: string, volume: string) =>
  `${minute.replaceAll(/[-:]|\.\d+/g, '')}_${job}_${cluster}_${volume}`

const operationsOf = ({ world: { catalog } }: Estate): Promise<Operation[]> =>
  gathered(catalog.operations.all({ partition: catalogKeys.operation('x').partition }))

const storedBackups = async ({ world: { store } }: Estate, volume: string): Promise<string[]> => {
  const { backupsFolder } = volumeKeys(volume)
  const pages = await gathered(store.list(backupsFolder))
  return pages
    .flatMap(({ objects }) => objects)
    .map(({ key }) => key.slice(backupsFolder.length + 'backup_'.length, -'.cfg'.length))
}

const indexedBackups = async ({ world: { catalog } }: Estate, volume: string): Promise<string[]> => {
  const { partition } = catalogKeys.backup(target, volume, 'x')
  return (await gathered(catalog.backups.all({ partition }))).map(({ name }) => name)
}

const hasEnded = async (estate: Estate, ids: readonly string[]): Promise<true | undefined> => {
  const operations = await estate.world.catalog.operations.getMany(ids.map(catalogKeys.operation))
  return operations.length === ids.length && operations.every(isEnded) ? true : undefined
}

const runNight = async (estate: Estate, { arrange, isOver }: Shuffling): Promise<void> => {
  const { aws, world } = estate
  aws.arrange = arrange
  for (const minute of minutes) {
    await aws.tick(new Date(minute))
    const ids = volumes.map((volume) => operationId(minute, volume))
    await until(`the backups of ${minute}`, () => hasEnded(estate, ids))
  }
  await until('everything that comes again', async () => {
    await aws.tick(new Date(idleMinute))
    await world.quiet()
    const open = (await operationsOf(estate)).filter((operation) => !isEnded(operation))
    return isOver() && open.length === 0 ? true : undefined
  })
}

const expectEnd = async (estate: Estate, { performed }: StandInNode): Promise<void> => {
  const { catalog } = estate.world
  const operations = await operationsOf(estate)
  expect(operations.filter(({ state }) => state !== 'succeeded')).toEqual([])
  const made = operations.filter(({ kind }) => kind === 'create-backup')
  const wanted = minutes.flatMap((minute) => volumes.map((volume) => operationId(minute, volume)))
  expect(made.map(({ id }) => id).toSorted()).toEqual(wanted.toSorted())
  expect(operations.map(({ id }) => id).toSorted()).toEqual([...performed.keys()].toSorted())
  const runs = await gathered(catalog.runs.all({ partition: catalogKeys.run(job, 'x').partition }))
  expect(runs.map(({ minute }) => minute)).toEqual(minutes)
  for (const { minute, outcomes } of runs)
    expect(outcomes.map((each) => each.operationId ?? each.reason ?? '').toSorted()).toEqual(
      volumes.map((volume) => operationId(minute, volume)).toSorted(),
    )
  for (const volume of volumes) {
    const names = minutes.map((minute) => {
      const found = made.find(({ id }) => id === operationId(minute, volume))
      return found && 'backup' in found.parameters ? found.parameters.backup : ''
    })
    await until(`the index of ${volume}`, async () =>
      (await indexedBackups(estate, volume)).length === 1 ? true : undefined,
    )
    expect(await storedBackups(estate, volume)).toEqual(names.slice(-1))
    expect(await indexedBackups(estate, volume)).toEqual(names.slice(-1))
    const deleted = operations.flatMap(({ kind, volume: of, parameters }) =>
      kind === 'delete-backup' && of === volume && 'backup' in parameters ? [parameters.backup] : [],
    )
    // By one operation, or by two: a report that comes again after the next backup was indexed asks for what that one's asks for.
    expect(new Set(deleted)).toEqual(new Set(names.slice(0, -1)))
  }
}

describe('ticks, object events and reports', () => {
  let aws: LocalAws
  let estate: Estate

  beforeAll(async () => {
    aws = await startLocalAws()
    estate = await makeEstate(aws, { hasBackups: false })
  })
  afterAll(() => aws?.stop())

  it('that come repeatedly, late and in any order lead to the same end', async () => {
    for (const seed of seeds) {
      const shuffle = shuffling(seed)
      await estate.world.reset()
      const node = startStandInNode(estate)
      try {
        await runNight(estate, shuffle)
        await expectEnd(estate, node)
      } catch (error) {
        throw new Error(`DROVER_SEED=${seed}: ${String(error)}`, { cause: error })
      } finally {
        await node.stop()
      }
      console.log(`seed ${seed}:`, shuffle.counts)
    }
  })
})
