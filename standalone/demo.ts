/**
 * @module demo: the walk-through: a volume with real files, a job that backs it up each minute and keeps two, restores into the
 * other cluster; by the commands that a user would type. e2fsck and a comparison of every file judge what comes back.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import { systemClock } from '#lib/base/clock.ts'
import { randomIds } from '#lib/base/ids.ts'
import { silentLog } from '#lib/base/log.ts'
import { formatBytes, GiB } from '#lib/base/sizes.ts'
import { Backup, Run, Volume } from '#lib/catalog/entities.ts'
import { differences, filesIn, makeExt4, mount, obstacle, unmount, type Files } from './demo/mounted.ts'
import { droverOf, type Drover } from './demo/run-drover.ts'
import { changeFiles, makeFiles } from './demo/sample-files.ts'
import { say, step } from './demo/story.ts'
import { run } from './programs.ts'
import { untilSignal } from './signals.ts'
import { startStandalone } from './standalone.ts'

const job = 'every-minute'
const rounds = 3

interface Demo {
  folder: string
  drover: Drover
  /** Mount points, to be unmounted whatever happens. */
  mounted: Set<string>
}

const items = <T>(schema: z.ZodType<T>, answer: unknown): T[] =>
  z.object({ items: z.array(schema) }).parse(answer).items

const mountAt = async ({ folder, mounted }: Demo, device: string, name: string): Promise<string> => {
  const place = join(folder, 'mnt', name)
  await mount(device, place)
  mounted.add(place)
  return place
}

const unmountFrom = async ({ mounted }: Demo, place: string): Promise<void> => {
  await unmount(place)
  mounted.delete(place)
}

const runsOf = async ({ drover }: Demo): Promise<Run[]> => items(Run, await drover.ask('job', 'runs', job))

/** Waits for the next run, whose operation is done. */
const nextRun = async (demo: Demo, seen: ReadonlySet<string>): Promise<Run> => {
  for (;;) {
    const made = (await runsOf(demo)).find(({ minute, endedAt }) => !seen.has(minute) && endedAt !== null)
    const open = items(z.object({ kind: z.string() }), await demo.drover.ask('operation', 'list', '--open'))
    if (made && open.length === 0) return made
    await systemClock.sleep(1000)
  }
}

const Result = z.object({
  outcome: z.string(),
  backup: z.string().default(''),
  newBytes: z.number().default(0),
})

const operationResult = async (
  { drover }: Demo,
  { minute, outcomes }: Run,
): Promise<z.infer<typeof Result>> => {
  const [outcome] = outcomes
  if (!outcome?.operationId)
    throw new Error(`run of ${minute} made nothing: ${outcome?.reason ?? 'no volume'}`)
  const operation = await drover.ask('operation', 'show', outcome.operationId)
  return z.object({ result: Result }).parse(operation).result
}

const volumeShown = async ({ drover }: Demo, cluster: string, name: string): Promise<Volume> =>
  Volume.parse(await drover.ask('volume', 'show', name, '--cluster', cluster))

const deviceOf = async (demo: Demo, cluster: string, name: string): Promise<string> => {
  const { path } = await volumeShown(demo, cluster, name)
  if (path === null) throw new Error(`volume ${name} has no device`)
  return path
}

/** Files are changed, and looked at, well before the next minute begins. */
const earlyInMinute = async (): Promise<void> => {
  const secondsLeft = 60 - ((Date.now() / 1000) % 60)
  if (secondsLeft < 20) await systemClock.sleep((secondsLeft + 5) * 1000)
}

/** By backup: the files of its moment. */
const backUpRounds = async (demo: Demo, place: string): Promise<Map<string, Files>> => {
  const seen = new Set<string>()
  const moments = new Map<string, Files>()
  let firstBytes = 0
  for (let round = 1; round <= rounds; round++) {
    await step(`minute ${round}: files change, and the job's time comes`, async () => {
      if (round > 1) {
        await earlyInMinute()
        await changeFiles(place, round - 1)
      }
      await run('sync', '-f', place)
      const files = await filesIn(place)
      const made = await nextRun(demo, seen)
      seen.add(made.minute)
      const result = await operationResult(demo, made)
      moments.set(result.backup, files)
      if (round === 1) firstBytes = result.newBytes
      else if (result.newBytes > firstBytes / 4)
        throw new Error(`${result.newBytes} bytes were uploaded for a small change`)
      say(`run of ${made.minute}: backup ${result.backup}, ${formatBytes(result.newBytes)} uploaded`)
    })
  }
  await step('a minute in which nothing is written', async () => {
    const result = await operationResult(demo, await nextRun(demo, seen))
    if (result.outcome !== 'nothing-new') throw new Error(`an idle minute made ${JSON.stringify(result)}`)
    say('nothing new, and nothing made')
  })
  return moments
}

const confirmRestored = async (demo: Demo, backup: string, expected: Files): Promise<void> => {
  const name = `web-${backup}`
  await demo.drover.show('restore', `store/web/${backup}`, '--volume', `standby/${name}`)
  await demo.drover.show('volume', 'attach', name, '--cluster', 'standby')
  const device = await deviceOf(demo, 'standby', name)
  await run('e2fsck', '-fn', device)
  const place = await mountAt(demo, device, name)
  const different = differences(expected, await filesIn(place))
  if (different.length > 0) throw new Error(`${name} has other files: ${different.slice(0, 10).join(', ')}`)
  await unmountFrom(demo, place)
  await demo.drover.show('volume', 'detach', name, '--cluster', 'standby')
  say(
    `✓ e2fsck -fn finds no fault, and all ${expected.size} files, folders and links are those of its moment`,
  )
}

const confirmBackups = async ({ drover }: Demo, moments: Map<string, Files>): Promise<Backup[]> => {
  await drover.show('backup', 'list', 'store/web')
  const backups = items(Backup, await drover.ask('backup', 'list', 'store/web'))
  const kept = [...moments.keys()].slice(-2)
  const names = backups.map(({ name }) => name)
  if (names.toSorted().join() !== kept.toSorted().join())
    throw new Error(`there should be ${kept.join(' and ')}, and there is ${names.join(', ')}`)
  say('✓ exactly the last two are left')
  return backups
}

const tellStory = async (demo: Demo): Promise<void> => {
  const { folder, drover } = demo
  await step('what is there', () => drover.show('node', 'list'))
  await step('a place for backups, and a volume', async () => {
    await drover.show('target', 'create', 'store', '--url', `file://${join(folder, 'backups')}/`)
    await drover.show('volume', 'create', 'web', '--size', '1Gi', '--target', 'store')
    await drover.show('volume', 'attach', 'web')
  })
  const place = await step('a file system with real files on it', async () => {
    const device = await deviceOf(demo, 'primary', 'web')
    await makeExt4(device)
    const mounted = await mountAt(demo, device, 'web')
    await makeFiles(mounted)
    say(`${(await filesIn(mounted)).size} files, folders and links on ${device}`)
    return mounted
  })
  await step('a job: each minute, and two are kept', () =>
    drover.show(
      'job',
      'create',
      job,
      '--task',
      'backup',
      '--cron',
      '*/1 * * * *',
      '--retain',
      '2',
      '--group',
      'default',
    ),
  )
  const moments = await backUpRounds(demo, place)
  await drover.show('job', 'runs', job)
  await drover.show('job', 'delete', job)
  const backups = await step('what is left of them', () => confirmBackups(demo, moments))
  for (const { name } of backups)
    await step(`${name} is restored in the other cluster`, () =>
      confirmRestored(demo, name, moments.get(name) ?? new Map()),
    )
  await unmountFrom(demo, place)
  await drover.show('volume', 'detach', 'web')
}

const tidyUp = async ({ mounted, drover }: Demo): Promise<void> => {
  for (const place of mounted) await unmount(place).catch(() => undefined)
  for (const { cluster, name, state } of items(Volume, await drover.ask('volume', 'list')))
    if (state === 'attached') await drover.ask('volume', 'detach', name, '--cluster', cluster)
}

export const runDemo = async (args: readonly string[]): Promise<void> => {
  const why = await obstacle()
  if (why !== undefined) {
    console.error(`drover: the walk-through cannot run here: ${why}`)
    process.exitCode = 1
    return
  }
  const interrupted = untilSignal().then(() => {
    throw new Error('interrupted: what was made is removed')
  })
  const folder = await mkdtemp(join(tmpdir(), 'drover-demo-'))
  const startedAt = performance.now()
  const data = join(folder, 'data')
  const service = await startStandalone({
    folder: data,
    listen: { host: '127.0.0.1', port: 0 },
    hasAgents: true,
    poolBytes: 8 * GiB,
    hasQuietAgents: true,
    clock: systemClock,
    ids: randomIds,
    log: silentLog,
    env: { ...process.env },
  })
  const demo: Demo = { folder, drover: droverOf(data), mounted: new Set() }
  try {
    await Promise.race([tellStory(demo), interrupted])
    console.log(`\nAll of it held, in ${Math.round((performance.now() - startedAt) / 1000)} s.`)
  } finally {
    await tidyUp(demo).catch(() => undefined)
    await service.stop()
    if (args.includes('--keep')) console.log(`kept in ${folder}`)
    else await rm(folder, { recursive: true, force: true })
  }
}
