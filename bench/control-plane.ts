/**
 * @module control-plane: what the embedded control plane takes with many volumes: `npm run bench:control-plane`. The service is a
 * process, its nodes another (control-plane/agents.ts); both are on this machine, as this program is.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { apiClient, type ApiClient } from '#lib/api/client.ts'
import { readLocalServer } from '#lib/api/local-server.ts'
import { requests, type Request } from '#lib/api/requests.ts'
import { systemClock } from '#lib/base/clock.ts'
import { gathered } from '#lib/base/gathered.ts'
import { KiB, MiB } from '#lib/base/sizes.ts'

const nodeCount = 20
const volumesOfNode = 50
const ticks = 5

interface Service {
  process: ChildProcess
  request: Request
  client: ApiClient
  url: string
}

const startService = async (folder: string): Promise<Service> => {
  const args = [
    '--max-semi-space-size=2',
    'standalone/main.ts',
    '--data',
    folder,
    '--listen',
    '127.0.0.1:0',
    '--no-agents',
  ]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  await once(child.stdout, 'data')
  const local = await readLocalServer(folder)
  if (!local) throw new Error('the service wrote no server.json')
  const request = requests(local)
  return { process: child, request, client: apiClient(request), url: local.url }
}

const enrol = async ({ client, url }: Service) => {
  await client.clusters.create({ name: 'primary' })
  await client.targets.create({ name: 'store', url: 'file:///nowhere/' })
  await client.settings.put('backupstore-poll-interval', 0)
  const nodes = []
  for (let number = 0; number < nodeCount; number++) {
    const name = `node-${number}`
    const { token: joinToken } = await client.nodes.newJoinToken({ cluster: 'primary' })
    const joined = await requests({ url, token: joinToken })('POST', '/v1/nodes/join', {
      body: { node: name },
    })
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the route's answer
    const { token } = joined as { token: string }
    const volumes = Array.from({ length: volumesOfNode }, (_, volume) => `volume-${number}-${volume}`)
    nodes.push({ name, token, volumes })
  }
  return nodes
}

const startNodes = async (url: string, nodes: unknown): Promise<ChildProcess> => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'control-plane/agents.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(JSON.stringify({ url, nodes }))
  await once(child.stdout, 'data')
  return child
}

const rssOf = async (child: ChildProcess, what: 'VmRSS' | 'VmHWM'): Promise<number> => {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
  return Number(new RegExp(`${what}:\\s+(\\d+) kB`).exec(status)?.[1]) * KiB
}

const timed = async <T>(work: () => Promise<T>): Promise<{ result: T; ms: number }> => {
  const startedAt = performance.now()
  const result = await work()
  return { result, ms: performance.now() - startedAt }
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const untilDone = async ({ client }: Service): Promise<void> => {
  while ((await gathered(client.operations.list({ state: 'open' }))).length > 0) await systemClock.sleep(200)
}

const tick = async (service: Service) => {
  const { result, ms } = await timed(() => service.client.jobs.run('all'))
  const issued = result.outcomes.filter(({ outcome }) => outcome === 'operation').length
  if (issued !== nodeCount * volumesOfNode) throw new Error(`${issued} operations were issued`)
  const done = await timed(() => untilDone(service))
  return { queuedMs: ms, doneMs: ms + done.ms }
}

const lists = [
  '/v1/nodes',
  '/v1/volumes',
  '/v1/volumes?limit=1000',
  '/v1/operations',
  '/v1/operations?limit=1000',
  '/v1/jobs/all/runs?limit=5',
]

/** The slowest of ten, each with the page after it. */
const slowestPage = async (request: Request, where: string): Promise<number> => {
  const times: number[] = []
  for (let round = 0; round < 10; round++) times.push((await timed(() => request('GET', where))).ms)
  return Math.max(...times)
}

const measureAll = async (service: Service): Promise<void> => {
  await service.client.jobs.put('all', { task: 'backup', cron: '0 0 1 1 *', retain: 5 })
  for (const { name } of await gathered(service.client.volumes.list()))
    await service.client.volumes.change('primary', name, { target: 'store', jobs: ['all'] })
  const times = []
  for (let count = 0; count < ticks; count++) times.push(await tick(service))
  const queuedMs = median(times.map((time) => time.queuedMs))
  const doneMs = median(times.map((time) => time.doneMs))
  console.log(
    `tick to all ${nodeCount * volumesOfNode} commands queued: ${Math.round(queuedMs)} ms (goal: 2000)`,
  )
  console.log(`… and all of them performed, reported and recorded: ${Math.round(doneMs)} ms`)
  for (const where of lists)
    console.log(`${where}: ${Math.round(await slowestPage(service.request, where))} ms at most (goal: 50)`)
  const [now, most] = [await rssOf(service.process, 'VmRSS'), await rssOf(service.process, 'VmHWM')]
  console.log(`memory: ${Math.round(now / MiB)} MiB, at most ${Math.round(most / MiB)} MiB (goal: 300)`)
}

const folder = await mkdtemp(join(tmpdir(), 'drover-bench-'))
const children: ChildProcess[] = []
try {
  const service = await startService(folder)
  children.push(service.process)
  children.push(await startNodes(service.url, await enrol(service)))
  await measureAll(service)
} finally {
  for (const child of children.toReversed()) {
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  await rm(folder, { recursive: true })
}
