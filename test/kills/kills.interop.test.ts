/**
 * `kill -9` of agents and of the control plane at random moments, while a job backs volumes up that are written to all the time,
 * and users ask for whatever comes to their minds. DROVER_KILLS: how often; DROVER_KILLS_SEED: that of a run that failed;
 * DROVER_KILLS_LOG: where the log of one that fails is kept.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { systemClock } from '#lib/base/clock.ts'
import { gathered } from '#lib/base/gathered.ts'
import { randomFrom } from '#lib/object-store/seeded-random.ts'
import { hasIndependentReader } from '../independent-reader.ts'
import { noPools, run } from '../pool-file-system.ts'
import { cleanups, type Cleanups } from '../volume-load/cleanups.ts'
import { leftovers } from './leftovers.ts'
import { loopsUnder, type Places } from './pools.ts'
import { insist, job, operate, target, usersOf, type Users } from './requests.ts'
import { momentInPool, momentKey, restoresOf, type Restores } from './restores.ts'
import { killableService, victims, type Service } from './killable-service.ts'
import { volumeBytes, writtenDevice, writtenFile, type WrittenVolume } from './written-volume.ts'

const kills = Number(process.env['DROVER_KILLS'] ?? 100)
const seed = Number(process.env['DROVER_KILLS_SEED'] ?? Math.floor(Math.random() * 1e9))
const retain = 3
const jobEveryMs = 2000
const askEveryMs = 600
/** From when the API answers again. */
const longestLifeMs = 2500
const checkEvery = 10
/**
 * How long nothing may come to an end: a report that a kill took along is asked for after two minutes, within the next, and the lock
 * of a dead stranger stands for 150 s. What was asked for while nothing could be done is a heap, however quickly it is worked off.
 */
const quietWithinMs = 240_000
/** Six minutes on two idle cores. */
const timeoutMs = 25 * 60_000
const toldLines = 150
const names = ['first', 'second', 'third'] as const

const obstacle = noPools() ?? hasIndependentReader()
if (obstacle !== undefined) console.log(`no kills: ${obstacle}`)

interface World {
  service: Service
  volumes: WrittenVolume[]
  places: Places
  restores: Restores
  random: () => number
  undo: Cleanups
}

const logIn = (root: string): string => join(root, 'log')

/** Whatever is mounted or attached under the folder: file systems in volumes, then volumes, then pools. */
const sweep = (root: string): void => {
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[1] ?? [])
    .filter((place) => place.startsWith(`${root}/`))
  const [pools, others] = [
    mounts.filter((place) => place.endsWith('/pool')),
    mounts.filter((place) => !place.endsWith('/pool')),
  ]
  for (const place of others) run('sh', '-c', `fsfreeze --unfreeze '${place}' 2>/dev/null; umount '${place}'`)
  for (const { device, file } of loopsUnder(root))
    if (!file.endsWith('/pool.img')) run('losetup', '--detach', device)
  for (const place of pools) run('umount', place)
}

const madeVolume = async (
  { service, random }: Pick<World, 'service' | 'random'>,
  folder: string,
  index: number,
): Promise<WrittenVolume> => {
  const name = names[index] ?? ''
  const body = { cluster: 'primary', name, sizeBytes: volumeBytes, target, jobs: [job] }
  await operate(service, (client, key) => client.volumes.create(body, key))
  await operate(service, (client, key) => client.volumes.attach('primary', name, {}, key))
  const { path } = await insist(service, (client) => client.volumes.show('primary', name))
  if (path === null) throw new Error(`${name} has no device`)
  const place = { index: index + 1, name, device: path, folder, random }
  return index === names.length - 1 ? writtenFile(place) : writtenDevice(place)
}

/** @returns what is still wrong when it has not become less for as long as this. */
const untilNothing = async (withinMs: number, look: () => Promise<string[]>): Promise<string[]> => {
  let [least, untilMs] = [Number.POSITIVE_INFINITY, 0]
  for (;;) {
    const found = await look()
    if (found.length < least) [least, untilMs] = [found.length, Date.now() + withinMs]
    if (found.length === 0 || Date.now() > untilMs) return found
    await systemClock.sleep(500)
  }
}

const silentNodes = async (service: Service): Promise<string[]> => {
  const nodes = await insist(service, (client) => gathered(client.nodes.list()))
  const heard = nodes.filter(({ heardAt }) => heardAt !== null).map(({ cluster }) => cluster)
  return ['primary', 'standby'].filter((cluster) => !heard.includes(cluster))
}

const madeWorld = async (root: string, undo: Cleanups): Promise<World> => {
  const random = randomFrom(seed)
  const [folder, store, work] = [join(root, 'data'), join(root, 'store'), join(root, 'work')]
  for (const each of [store, work]) mkdirSync(each)
  const service = await killableService(folder, logIn(root))
  undo.add(async () => expect(await service.stop(), 'processes after the end').toEqual([]))
  service.start()
  expect(await untilNothing(quietWithinMs, () => silentNodes(service))).toEqual([])
  const url = `file://${store}/`
  await insist(service, (client) => client.targets.create({ name: target, url }))
  const body = { task: 'backup', cron: '0 0 29 2 *', retain } as const
  await insist(service, (client) => client.jobs.put(job, body))
  const volumes: WrittenVolume[] = []
  for (const index of names.keys()) {
    const volume = await madeVolume({ service, random }, work, index)
    undo.add(() => volume.close())
    volumes.push(volume)
  }
  const places = { folder, store, volumes: names, retain }
  return { service, volumes, places, restores: restoresOf({ store, folder: work, volumes }), random, undo }
}

/** Until it is stopped, which waits for the last. */
const again = (everyMs: number, work: () => Promise<void>) => {
  const stopping = new AbortController()
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await work()
      await systemClock.sleep(everyMs, stopping.signal).catch(() => undefined)
    }
  })()
  return async () => {
    stopping.abort()
    await running
  }
}

const killOnce = async ({ service, restores, random }: World, number: number): Promise<void> => {
  await insist(service, (client) => gathered(client.nodes.list()))
  await systemClock.sleep(random() * longestLifeMs)
  const cluster = random() < 0.75 ? 'primary' : 'standby'
  const wanted = victims[Math.floor(random() * victims.length)] ?? 'both'
  const isToCheck = number % checkEvery === 0
  // One that is down already, since it was killed often, cannot be killed.
  const victim = isToCheck || service.agentPid(cluster) === undefined ? 'both' : wanted
  expect(await service.kill(victim, cluster)).toBeGreaterThan(0)
  try {
    if (isToCheck) expect(await restores.check(), `after kill ${number}`).toEqual([])
  } finally {
    if (victim !== 'agent') service.start()
  }
}

const openIds = (service: Service): Promise<string[]> =>
  insist(service, async (client) =>
    (await gathered(client.operations.list({ state: 'open' }))).map(({ id }) => id),
  )

const becomeQuiet = async ({ service, places }: World): Promise<void> => {
  const isQuiet = async () => expect(await untilNothing(quietWithinMs, () => openIds(service))).toEqual([])
  await isQuiet()
  const { outcomes } = await insist(service, (client) => client.jobs.run(job))
  expect(outcomes.map(({ outcome, reason }) => ({ outcome, reason }))).toEqual(
    names.map(() => ({ outcome: 'operation', reason: null })),
  )
  await isQuiet()
  for (const name of names) await operate(service, (client, key) => client.backups.collect(target, name, key))
  const left = await untilNothing(quietWithinMs, () => insist(service, (client) => leftovers(client, places)))
  expect(left).toEqual([])
}

/** A backup holds what was acknowledged when it was asked for, and nothing that was not begun when it was done. */
const wrongMoments = async ({ service, volumes, restores }: World): Promise<string[]> => {
  const all = await insist(service, (client) => gathered(client.operations.list({ state: 'all' })))
  return all.flatMap(({ id, kind, state, volume: name, result, createdAt, endedAt }) => {
    const backup = result?.['backup']
    const history = volumes.find((volume) => volume.name === name)?.history
    if (kind !== 'create-backup' || state !== 'succeeded' || typeof backup !== 'string' || !history) return []
    const moment = restores.moments.get(momentKey(name, backup))
    if (moment === undefined) return []
    const least = history.acknowledgedBefore(Date.parse(createdAt))
    const most = history.begunBy(Date.parse(endedAt ?? ''))
    return moment >= least && moment <= most ? [] : [`${id}: ${moment} is not of ${least} to ${most}`]
  })
}

const wrongRestored = async ({ service, volumes, places }: World): Promise<string[]> => {
  const there = await insist(service, (client) => gathered(client.volumes.list({ cluster: 'standby' })))
  const pool = join(places.folder, 'nodes', 'standby', 'pool')
  const wrong: string[] = []
  for (const { name } of there) {
    const of = volumes.find((volume) => name.startsWith(`restored-${volume.name}-`))
    if (!of) throw new Error(`${name} is restored of nothing`)
    await momentInPool(pool, name, of).catch((error: unknown) => wrong.push(`${name}: ${String(error)}`))
  }
  return wrong
}

/** One whose file system is frozen stands still. */
const standingStill = async ({ volumes }: World): Promise<string[]> => {
  const before = volumes.map(({ history }) => history.last())
  await systemClock.sleep(2000)
  return volumes.filter(({ history }, at) => history.last() === before[at]).map(({ name }) => name)
}

const tell = async ({ service }: World, users: Users): Promise<void> => {
  const ends = new Map<string, number>()
  for (const { kind, state, failure } of await insist(service, (client) =>
    gathered(client.operations.list({ state: 'all' })),
  )) {
    const key = `${kind}: ${state}${failure ? ` ${failure.code}` : ''}`
    ends.set(key, (ends.get(key) ?? 0) + 1)
  }
  console.log('asked', Object.fromEntries(users.answers))
  console.log('ended', Object.fromEntries(ends))
}

const stopwatch = () => {
  let sinceMs = Date.now()
  return (what: string): void => {
    console.log(`${what}: ${((Date.now() - sinceMs) / 1000).toFixed(1)} s`)
    sinceMs = Date.now()
  }
}

const killMany = async (world: World): Promise<void> => {
  const { service, volumes, random, restores, undo } = world
  const users = usersOf(service, names, random)
  const stops = [again(jobEveryMs, users.runJob), again(askEveryMs, users.ask)]
  undo.add(() => Promise.all(stops.map((stop) => stop())))
  const elapsed = stopwatch()
  for (let number = 1; number <= kills; number++) await killOnce(world, number)
  for (const stop of stops) await stop()
  elapsed(`${kills} kills`)
  try {
    await becomeQuiet(world)
  } finally {
    await tell(world, users)
  }
  elapsed('became quiet')
  expect(await restores.check()).toEqual([])
  elapsed(`${restores.moments.size} backups restored since the beginning`)
  expect(await wrongMoments(world)).toEqual([])
  expect(await standingStill(world)).toEqual([])
  expect(volumes.flatMap(({ faults }) => faults)).toEqual([])
  expect(await wrongRestored(world)).toEqual([])
  expect([...users.answers.keys()].filter((answer) => / 5\d\d /.test(answer))).toEqual([])
}

it.skipIf(obstacle !== undefined)(
  `loses nothing and leaves nothing behind over ${kills} kills`,
  async () => {
    console.log(`DROVER_KILLS_SEED=${seed}`)
    const undo = cleanups()
    const root = mkdtempSync(join(tmpdir(), 'drover-kills-'))
    undo.add(() => rmSync(root, { recursive: true }))
    undo.add(() => sweep(root))
    try {
      await killMany(await madeWorld(root, undo))
    } catch (error) {
      console.log(readFileSync(logIn(root), 'utf8').split('\n').slice(-toldLines).join('\n'))
      const kept = process.env['DROVER_KILLS_LOG']
      if (kept !== undefined) copyFileSync(logIn(root), kept)
      throw error
    } finally {
      await undo.run()
    }
  },
  timeoutMs,
)
