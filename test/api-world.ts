/**
 * @module api-world: the API on memory adapters, with a cluster, a node, an attached volume, a target and a token of each role,
 * for tests. Time passes when everybody sleeps, and when a test says so.
 */
import { apiApp } from '#lib/api/app.ts'
import type { ApiDeps } from '#lib/api/api-deps.ts'
import { apiClient, type ApiClient } from '#lib/api/client.ts'
import { newToken } from '#lib/api/new-token.ts'
import type { Role } from '#lib/api/principal.ts'
import { requests, type Request } from '#lib/api/requests.ts'
import { randomIds } from '#lib/base/ids.ts'
import type { Log, LogFields } from '#lib/base/log.ts'
import { GiB } from '#lib/base/sizes.ts'
import { catalog, type Catalog } from '#lib/catalog/catalog.ts'
import { roles, type Node, type Snapshot, type Target } from '#lib/catalog/entities.ts'
import type { Item, ItemStore } from '#lib/catalog/item-store.ts'
import { memoryItemStore } from '#lib/catalog/memory-item-store.ts'
import { jobCollection } from '#lib/jobs/job-collection.ts'
import { memoryObjectStore, type MemoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import type { Command } from '#lib/operation/command.ts'
import { leasedQueue } from '#lib/operation/leased-queue.ts'
import { memoryLeases } from '#lib/operation/memory-leases.ts'
import type { SendQueue } from '#lib/operation/queue.ts'
import { timerRules } from '#lib/schedule/timer-rules.ts'
import { memorySecretStore } from '#lib/target/memory-secret-store.ts'
import { idleClock } from './idle-clock.ts'
import { storedVolume } from './stored-volume.ts'

export type ApiWorld = Awaited<ReturnType<typeof apiWorld>>

/** What a route was answered, read. */
export interface Answer {
  status: number
  type: string | null
  headers: Headers
  body: unknown
}

/** A store, and all that is in it. */
const watchedStore = (): { store: ItemStore; items: () => Item[] } => {
  const store = memoryItemStore()
  const there = new Map<string, Item>()
  const nameOf = ({ partition, sort }: Item['key']) => JSON.stringify([partition, sort])
  return {
    store: {
      ...store,
      put: async (item, expected) => {
        const result = await store.put(item, expected)
        if (result.kind === 'written') there.set(nameOf(item.key), structuredClone(item))
        return result
      },
      remove: async (key, expected) => {
        const result = await store.remove(key, expected)
        if (result === 'removed') there.delete(nameOf(key))
        return result
      },
    },
    items: () => [...there].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item),
  }
}

const startedAt = '2026-01-01T00:00:00.000Z'

export const worldNode = (
  name: string,
  availableBytes: number,
  heardAt: string | null = startedAt,
): Node => ({
  name,
  cluster: 'primary',
  joinedAt: startedAt,
  heardAt,
  version: '1.0.0',
  pool: { kind: 'copy', totalBytes: 100 * GiB, availableBytes, promisedBytes: 0 },
  inventory: null,
})

export const worldSnapshot: Snapshot = {
  cluster: 'primary',
  volume: 'web',
  name: 'snap-one',
  parent: null,
  createdAt: startedAt,
  isUserCreated: true,
  labels: {},
  sizeBytes: 0,
  consistency: 'filesystem',
}

/** What is there when a test begins: what its names say, and nothing on the way. */
const seed = async (things: Catalog): Promise<void> => {
  await things.clusters.create({ name: 'primary', createdAt: startedAt })
  await things.nodes.create(worldNode('node-1', 50 * GiB))
  await things.targets.create({
    name: 'nas',
    url: 'file:///backups/',
    credential: null,
    reachedBy: null,
    createdAt: startedAt,
    indexedAt: null,
    failure: null,
  })
  await things.volumes.create({
    ...storedVolume,
    state: 'attached',
    path: '/dev/loop7',
    target: 'nas',
    backupVolume: 'web',
  })
  await things.snapshots.create(worldSnapshot)
}

const tokensFor = async (deps: Pick<ApiDeps, 'catalog' | 'clock'>) => {
  const node = { node: 'node-1', cluster: 'primary' }
  const made = await Promise.all(
    roles.map(async (role) => {
      const of = role === 'node' ? node : role === 'join' ? { cluster: 'primary' } : {}
      const { token } = await newToken(deps, { name: `the ${role}`, role, ...of })
      return [role, token] as const
    }),
  )
  const { token: expired } = await newToken(deps, { name: 'of old', role: 'admin', expiresInSeconds: 1 })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one for each role
  return { ...(Object.fromEntries(made) as Record<Role, string>), expired }
}

export interface Logged {
  level: keyof Log
  event: string
  fields: LogFields
}

const keptLog = (kept: Logged[]): Log => {
  const at =
    (level: keyof Log) =>
    (event: string, fields: LogFields = {}): void => {
      kept.push({ level, event, fields })
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** Queues of nodes, and what was sent to each. */
const watchedQueues = (clock: ApiDeps['clock'], log: Log) => {
  const sent = new Map<string, Command[]>()
  const leases = new Map<string, ReturnType<typeof memoryLeases>>()
  const leasesOf = (node: string) => {
    const there = leases.get(node) ?? memoryLeases(clock)
    leases.set(node, there)
    return there
  }
  const commands = (node: string): Command[] => sent.get(node) ?? []
  const queueOf = (node: string): SendQueue => {
    const queue = leasedQueue({ leases: leasesOf(node), clock, log })
    return {
      send: async (message) => {
        await queue.send(message)
        sent.set(node, [...commands(node), JSON.parse(message.body) as Command])
      },
    }
  }
  const removeQueue = async (node: string): Promise<void> => {
    leases.delete(node)
    sent.delete(node)
  }
  return { leasesOf, commands, queueOf, removeQueue, all: () => [...sent] }
}

/** The calls of one role. */
export interface Caller {
  client: ApiClient
  request: Request
}

/** `more`: ports of its own, instead of those in memory. */
export const apiWorld = async (more: Partial<ApiDeps> = {}) => {
  const clock = idleClock(Date.parse(startedAt))
  const { store, items } = watchedStore()
  const things = catalog(store)
  const logged: Logged[] = []
  const log = keptLog(logged)
  const queues = watchedQueues(clock, log)
  const reported: unknown[] = []
  const objectEvents: unknown[] = []
  const stores = new Map<string, MemoryObjectStore>()
  const storeOf = ({ name }: Pick<Target, 'name'>): MemoryObjectStore => {
    const there = stores.get(name) ?? memoryObjectStore({ clock })
    stores.set(name, there)
    return there
  }
  const deps: ApiDeps = {
    catalog: things,
    jobs: jobCollection(store),
    rules: timerRules({ clock, log, onTick: async () => {} }),
    queueOf: queues.queueOf,
    leasesOf: queues.leasesOf,
    removeQueue: queues.removeQueue,
    reports: {
      send: async (message) => {
        reported.push(message)
      },
    },
    secrets: memorySecretStore(),
    vend: async ({ url }) => ({ url, settings: {}, expiresAt: null }),
    credentialsOf: async () => undefined,
    openTarget: async (target) => storeOf(target),
    onObjectEvent: async (event) => {
      objectEvents.push(event)
    },
    clock,
    ids: randomIds,
    log,
    ...more,
  }
  await seed(things)
  const tokens = await tokensFor(deps)
  clock.advance(10_000)
  const app = apiApp(deps)

  const answer = async (
    path: string,
    init: RequestInit & { token?: string | undefined } = {},
  ): Promise<Answer> => {
    const { token, ...rest } = init
    const headers = new Headers(rest.headers)
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
    const response = await app.request(path, { ...rest, headers })
    const text = await response.text()
    const body: unknown = text === '' ? undefined : JSON.parse(text)
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      headers: response.headers,
      body,
    }
  }
  const requestBy = (token: string): Request =>
    requests({
      url: 'http://drover',
      token,
      fetch: async (input, init) => app.request(input instanceof Request ? input : String(input), init),
    })
  const snapshotOfAll = async (): Promise<string> => {
    const names = await deps.secrets.names()
    const secrets = await Promise.all(names.map(async (name) => [name, await deps.secrets.get(name)]))
    const rules = await deps.rules.list()
    const sent = queues.all()
    return JSON.stringify({ items: items(), secrets, rules, sent, reported, objectEvents })
  }

  return {
    app,
    deps,
    clock,
    logged,
    tokens,
    objectEvents,
    answer,
    requestBy,
    snapshotOfAll,
    storeOf,
    things,
    /** What was sent to a node. */
    commands: queues.commands,
    clientBy: (token: string): ApiClient => apiClient(requestBy(token)),
    client: (role: Role): ApiClient => apiClient(requestBy(tokens[role])),
  }
}
