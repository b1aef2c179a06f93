/**
 * @module requests: what users ask for meanwhile, at random: each again with its key until there is an answer.
 */
import { randomUUID } from 'node:crypto'
import { systemClock } from '#lib/base/clock.ts'
import { gathered } from '#lib/base/gathered.ts'
import { MiB } from '#lib/base/sizes.ts'
import type { ApiClient } from '#lib/api/client.ts'
import { RequestError } from '#lib/api/requests.ts'
import type { OperationView } from '#lib/api/views.ts'
import type { Service } from './killable-service.ts'
import { volumeBytes } from './written-volume.ts'

export const target = 'store'
export const job = 'all-the-time'

export interface Users {
  /** One request, whatever comes of it. */
  ask(): Promise<void>
  /** Now and then twice at once, as a doubled tick. */
  runJob(): Promise<void>
  /** How often what was asked, and how it was answered. */
  readonly answers: ReadonlyMap<string, number>
}

const answerWithinMs = 90_000
const pauseMs = 200

/** No answer, or one in the midst of dying. */
const mayComeRight = (error: unknown): boolean =>
  !(error instanceof RequestError) || error.code === 'unreachable' || error.code === 'no-api'

export const insist = async <T>(service: Service, ask: (client: ApiClient) => Promise<T>): Promise<T> => {
  const untilMs = Date.now() + answerWithinMs
  for (;;) {
    try {
      return await ask(await service.client())
    } catch (error) {
      if (!mayComeRight(error) || Date.now() > untilMs) throw error
    }
    await systemClock.sleep(pauseMs)
  }
}

/** @throws Error with its failure. */
export const operate = async (
  service: Service,
  ask: (client: ApiClient, asked: { idempotencyKey: string }) => Promise<OperationView>,
): Promise<OperationView> => {
  const idempotencyKey = randomUUID()
  const { id } = await insist(service, (client) => ask(client, { idempotencyKey }))
  for (;;) {
    const operation = await insist(service, (client) => client.operations.show(id))
    if (operation.state === 'succeeded') return operation
    if (operation.endedAt !== null)
      throw new Error(`${id} ended: ${operation.state}, ${operation.failure?.message}`)
    await systemClock.sleep(pauseMs)
  }
}

interface Asking {
  client: ApiClient
  key: { idempotencyKey: string }
  pick: <T>(items: readonly T[]) => T | undefined
  name: (prefix: string) => string
  volume: string
}

const anyBackup = async ({ client, pick, volume }: Asking) =>
  pick(await gathered(client.backups.list(target, volume)))

/** By the state that it takes. */
const restored = async ({ client, pick }: Asking, ...states: string[]) =>
  pick(
    (await gathered(client.volumes.list({ cluster: 'standby' }))).filter(({ state }) =>
      states.includes(state),
    ),
  )

const userBackups = async ({ client, pick, volume }: Asking) =>
  pick(
    (await gathered(client.backups.list(target, volume))).filter(
      ({ labels }) => labels['RecurringJob'] === undefined,
    ),
  )

/** One that finds nothing to do asks nothing. */
const kinds = {
  snapshot: async ({ client, key, name, volume }: Asking) =>
    client.snapshots.create('primary', volume, { name: name('user') }, key),
  'delete snapshot': async ({ client, key, pick, volume }: Asking) => {
    const snapshots = await gathered(client.snapshots.list('primary', volume))
    const found = pick(snapshots.filter(({ isUserCreated }) => isUserCreated))
    return found && client.snapshots.remove('primary', volume, found.name, key)
  },
  backup: async ({ client, key, volume }: Asking) =>
    client.volumes.backUp('primary', volume, { labels: { by: 'user' } }, key),
  'delete backup': async (asking: Asking) => {
    const found = await userBackups(asking)
    return found && asking.client.backups.remove(target, asking.volume, found.name, asking.key)
  },
  verify: async (asking: Asking) => {
    const found = await anyBackup(asking)
    return found && asking.client.backups.verify(target, asking.volume, found.name, asking.key)
  },
  collect: async ({ client, key, volume }: Asking) => client.backups.collect(target, volume, key),
  restore: async (asking: Asking) => {
    const { client, key, name, volume } = asking
    const found = await anyBackup(asking)
    const body = { target, backupVolume: volume, cluster: 'standby', volume: name(`restored-${volume}`) }
    return found && client.backups.restore({ ...body, backup: found.name }, key)
  },
  'delete restored': async (asking: Asking) => {
    const found = await restored(asking, 'detached')
    return found && asking.client.volumes.remove('standby', found.name, asking.key)
  },
  attach: async (asking: Asking) => {
    const found = await restored(asking, 'detached')
    return found && asking.client.volumes.attach('standby', found.name, {}, asking.key)
  },
  detach: async (asking: Asking) => {
    const found = await restored(asking, 'attached')
    return found && asking.client.volumes.detach('standby', found.name, asking.key)
  },
  expand: async ({ client, key, volume }: Asking) => {
    const { sizeBytes } = await client.volumes.show('primary', volume)
    const isFull = sizeBytes >= 2 * volumeBytes
    return isFull
      ? undefined
      : client.volumes.expand('primary', volume, { sizeBytes: sizeBytes + 2 * MiB }, key)
  },
  cancel: async ({ client, key, pick }: Asking) => {
    const found = pick(await gathered(client.operations.list({ state: 'open' })))
    return found && client.operations.cancel(found.id, key)
  },
}

type Kind = keyof typeof kinds

const weights: Record<Kind, number> = {
  snapshot: 2,
  'delete snapshot': 2,
  backup: 1,
  'delete backup': 1,
  verify: 1,
  collect: 1,
  restore: 2,
  'delete restored': 2,
  attach: 1,
  detach: 2,
  expand: 1,
  cancel: 3,
}
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its own keys
const weighed = (Object.keys(weights) as Kind[]).flatMap((kind) => Array<Kind>(weights[kind]).fill(kind))

const doubledShare = 0.15

export const usersOf = (service: Service, volumes: readonly string[], random: () => number): Users => {
  const answers = new Map<string, number>()
  let count = 0
  const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(random() * items.length)]
  const note = (what: string, answer: string): void => {
    const key = `${what}: ${answer}`
    answers.set(key, (answers.get(key) ?? 0) + 1)
  }
  const noted = async (what: string, ask: (client: ApiClient) => Promise<unknown>): Promise<void> => {
    try {
      note(what, (await insist(service, ask)) === undefined ? 'nothing to do' : 'taken')
    } catch (error) {
      note(what, error instanceof RequestError ? `${error.status} ${error.code}` : String(error))
    }
  }
  const runJob = () => noted('run', (client) => client.jobs.run(job))
  return {
    answers,
    runJob: async () => {
      await Promise.all(random() < doubledShare ? [runJob(), runJob()] : [runJob()])
    },
    ask: () => {
      const kind = pick(weighed) ?? 'snapshot'
      const [volume = '', key] = [pick(volumes), { idempotencyKey: randomUUID() }]
      const number = ++count
      const name = (prefix: string) => `${prefix}-${number}`
      return noted(kind, (client) => kinds[kind]({ client, key, pick, name, volume }))
    },
  }
}
