/**
 * @module backup: measures Drover beside borg and restic: a full backup, an incremental one, a restore; to a folder and to MinIO.
 *
 *   npm run bench -- --size 256MiB --runs 1 --only drover,borg --store folder --json result.json
 *
 * Needs borg, restic and GNU time in the path, and a MinIO for its part (test/oracles/minio.ts says where it is looked for).
 * All that is read is in the page cache, for every tool alike; tools take turns, so that a noisy minute hits all.
 * Every restore is compared with the image, byte for byte.
 */
import { mkdir, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { formatBytes, GiB, MiB } from '#lib/base/sizes.ts'
import { goalsOf, goalsText } from './goals.ts'
import { changeImage, makeImage } from './image.ts'
import { measureLimit } from './limit.ts'
import { measure, runCommand, type Command } from './measure.ts'
import { openPlace, type PlaceKind } from './places.ts'
import { conditionsText, rowsOf, rowsText, steps, type Sample } from './report.ts'
import { tools, type Images, type Tool, type ToolName } from './tools.ts'

const changedSectors = 50

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    size: { type: 'string', default: '2GiB' },
    only: { type: 'string', default: 'drover,borg,restic' },
    store: { type: 'string', default: 'folder,minio' },
    json: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

const help = `Usage: npm run bench -- [options]

Measures Drover beside borg and restic: a full backup, an incremental one, a restore.

  --size <size>    of the image: 256MiB or 2GiB (default), a multiple of 4 MiB
  --runs <number>  how often (default: 3); what is told are medians
  --only <tools>   of drover,borg,restic (default: all)
  --store <kinds>  of folder,minio (default: both)
  --json <file>    all that was measured
  -h, --help       show this

Needs borg, restic and GNU time in the path, a MinIO for its part (test/oracles/minio.ts says where it is looked for), and eight
times the image's size free in the temporary folder (TMPDIR).
`

const parseSize = (text: string): number => {
  const [, amount = '', unit = ''] = /^(\d+)(MiB|GiB)$/.exec(text) ?? []
  const sizeBytes = Number(amount) * (unit === 'GiB' ? GiB : MiB)
  if (sizeBytes > 0 && sizeBytes % (4 * MiB) === 0) return sizeBytes
  throw new Error(`--size ${text}: write a multiple of 4 MiB, as 256MiB or 2GiB`)
}

const say = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

/** Three images, what one tool stores, what it restores; and as much again to be on the safe side. */
const checkRoom = async (folder: string, sizeBytes: number): Promise<void> => {
  const { bavail, bsize } = await statfs(folder)
  const needed = 8 * sizeBytes
  if (bavail * bsize >= needed) return
  throw new Error(
    `${folder} has ${formatBytes(bavail * bsize)} free, ${formatBytes(needed)} are needed: set TMPDIR`,
  )
}

const makeImages = async (folder: string, sizeBytes: number): Promise<Images> => {
  const [first, second, third] = [join(folder, 'first'), join(folder, 'second'), join(folder, 'third')]
  await Promise.all([first, second, third].map((path) => mkdir(path)))
  await makeImage(`${first}/disk.img`, { sizeBytes, seed: 'drover' })
  await changeImage(`${first}/disk.img`, `${second}/disk.img`, { count: changedSectors, seed: 'second' })
  const offsets = await changeImage(`${second}/disk.img`, `${third}/disk.img`, {
    count: changedSectors,
    seed: 'third',
  })
  const changes = join(folder, 'changes.json')
  await writeFile(changes, JSON.stringify(offsets))
  return { first, second, third, changes }
}

const runTool = async (
  tool: Tool,
  kind: PlaceKind,
  run: number,
  images: Images,
  folder: string,
): Promise<Sample[]> => {
  const [home, restored] = [join(folder, 'home'), join(folder, 'restored')]
  await mkdir(home)
  await mkdir(restored)
  const { place, server, close } = await openPlace(kind, folder)
  try {
    const commands = tool.commands({ place, images, home, restored })
    if (commands.prepare) await runCommand(commands.prepare)
    const samples: Sample[] = []
    for (const step of steps) {
      const command = commands[step]
      if (!command) continue
      const before = await server()
      const measured = await measure(command, folder)
      const after = await server()
      const requests = after && before && after.requests - before.requests
      samples.push({
        tool: tool.tool,
        compression: tool.compression,
        place: kind,
        step,
        run,
        requests,
        ...measured,
      })
    }
    await runCommand({ run: ['cmp', `${restored}/disk.img`, `${images.second}/disk.img`] })
    return samples
  } finally {
    await close()
    await rm(home, { recursive: true, force: true })
    await rm(restored, { recursive: true, force: true })
  }
}

const limitSamples = async (
  kind: PlaceKind,
  run: number,
  image: { path: string; sizeBytes: number },
  folder: string,
): Promise<Sample[]> => {
  const limit = await measureLimit(kind, image, folder)
  const none = { compression: 'lz4', requests: undefined, cpuSeconds: Number.NaN, peakRssBytes: Number.NaN }
  return (['full', 'incremental', 'restore'] as const).map((step) => ({
    ...none,
    tool: 'limit',
    place: kind,
    step,
    run,
    seconds: limit[step],
  }))
}

interface Bench {
  runs: number
  kinds: PlaceKind[]
  chosen: Tool[]
  sizeBytes: number
}

const readOptions = (): Bench => {
  const [only, stores] = [values.only.split(','), values.store.split(',')]
  return {
    runs: Number(values.runs),
    kinds: (['folder', 'minio'] as const).filter((kind) => stores.includes(kind)),
    chosen: tools.filter(({ tool }) => only.includes(tool)),
    sizeBytes: parseSize(values.size),
  }
}

/** What they call themselves; a tool that is missing is found out before an hour is spent. */
const versionsOf = async (chosen: readonly Tool[]): Promise<string[]> => {
  const versions: Record<ToolName, Command> = {
    drover: { run: [process.execPath, '-p', '`Node ${process.version}`'] },
    borg: { run: ['borg', '--version'] },
    restic: { run: ['restic', 'version'] },
  }
  const names = [...new Set(chosen.map(({ tool }) => tool))]
  await runCommand({ run: ['time', '-V'] })
  return Promise.all(names.map(async (name) => (await runCommand(versions[name])).trim()))
}

const runAll = async ({ runs, kinds, chosen, sizeBytes }: Bench, folder: string): Promise<Sample[]> => {
  const images = await makeImages(folder, sizeBytes)
  const image = { path: `${images.first}/disk.img`, sizeBytes }
  const samples: Sample[] = []
  for (let run = 1; run <= runs; run++) {
    for (const kind of kinds) {
      say(`run ${run} of ${runs}, ${kind}: limit`)
      samples.push(...(await limitSamples(kind, run, image, folder)))
      const turns = chosen.filter(({ places, isOnce }) => places.includes(kind) && (run === 1 || !isOnce))
      for (const tool of turns) {
        say(`run ${run} of ${runs}, ${kind}: ${tool.tool} ${tool.compression}`)
        samples.push(...(await runTool(tool, kind, run, images, folder)))
      }
    }
  }
  return samples
}

const main = async (): Promise<void> => {
  const bench = readOptions()
  const versions = await versionsOf(bench.chosen)
  const folder = await mkdtemp(join(tmpdir(), 'drover-bench-'))
  try {
    await checkRoom(folder, bench.sizeBytes)
    const [startedAt, loadBefore] = [performance.now(), loadavg()[0] ?? 0]
    const samples = await runAll(bench, folder)
    const rows = rowsOf(samples)
    const goals = goalsOf(rows)
    const conditions = {
      sizeBytes: bench.sizeBytes,
      runs: bench.runs,
      cpu: `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}`,
      versions,
      loadAverages: [loadBefore, loadavg()[0] ?? 0],
      minutes: (performance.now() - startedAt) / 60_000,
    }
    process.stdout.write(
      `${rowsText(rows, bench.sizeBytes)}\n\n${goalsText(goals)}\n\n${conditionsText(conditions)}\n`,
    )
    if (values.json !== undefined) {
      await writeFile(values.json, JSON.stringify({ ...conditions, rows, goals, samples }, undefined, 2))
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

if (values.help) process.stdout.write(help)
else await main()
