/**
 * @module standalone: all of it together: the control plane, its API, and an agent for each of two clusters.
 */
import { newToken } from '#lib/api/new-token.ts'
import { readLocalServer, writeLocalServer } from '#lib/api/local-server.ts'
import { tokenHash } from '#lib/api/routing.ts'
import type { Clock } from '#lib/base/clock.ts'
import type { Ids } from '#lib/base/ids.ts'
import type { Log } from '#lib/base/log.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { Catalog } from '#lib/catalog/catalog.ts'
import { startAgentProcess, type AgentProcess } from './agent-process.ts'
import { openControlPlane, type ControlPlane } from './control-plane.ts'
import { openDataFolder } from './data-folder.ts'
import { prepareLocalNodes, type LocalNode } from './local-nodes.ts'
import { releasePool } from './pool-place.ts'
import { startServer, type ListenSettings } from './server.ts'

export interface StandaloneSettings {
  folder: string
  listen: ListenSettings
  /** Whether agents run beside it. */
  hasAgents: boolean
  poolBytes?: number | undefined
  /** Their log does not come with ours. */
  hasQuietAgents?: boolean | undefined
  clock: Clock
  ids: Ids
  log: Log
  env: Readonly<Record<string, string | undefined>>
}

export interface Standalone {
  url: string
  folder: string
  nodes: readonly (LocalNode & { pid(): number | undefined })[]
  stop(): Promise<void>
}

/** The token of the last start, if it is still good; else a new one. */
const localToken = async (deps: { catalog: Catalog; clock: Clock }, folder: string): Promise<string> => {
  // One that cannot be read is written anew.
  const before = await readLocalServer(folder).catch(() => undefined)
  const known = before && (await deps.catalog.tokens.get(catalogKeys.token(tokenHash(before.token))))
  return known ? before.token : (await newToken(deps, { name: 'this machine', role: 'admin' })).token
}

const startAgents = async (
  settings: StandaloneSettings,
  { catalog }: ControlPlane,
  { folder, url }: { folder: string; url: string },
): Promise<{ local: LocalNode; process: AgentProcess }[]> => {
  if (!settings.hasAgents) return []
  const { clock, log, poolBytes, listen } = settings
  const locals = await prepareLocalNodes({ catalog, clock, folder, url, poolBytes })
  // Theirs is this machine's own service: its certificate is good, whoever signed it.
  const env = listen.tls && { NODE_EXTRA_CA_CERTS: listen.tls.certificate }
  return locals.map((local) => ({
    local,
    process: startAgentProcess(
      { clock, log },
      { node: local.node, folder: local.folder, env, isQuiet: settings.hasQuietAgents },
    ),
  }))
}

const heardWithinMs = 15_000

/** Until they are there for who asks next; one that is not, its log tells why. */
const untilHeard = async (
  { catalog }: ControlPlane,
  nodes: readonly string[],
  { clock }: Pick<StandaloneSettings, 'clock'>,
): Promise<void> => {
  const startedAt = clock.now()
  const isHeard = async (node: string) =>
    Date.parse((await catalog.nodes.get(catalogKeys.node(node)))?.heardAt ?? '') >= startedAt.getTime()
  while (clock.now().getTime() - startedAt.getTime() < heardWithinMs) {
    if ((await Promise.all(nodes.map(isHeard))).every(Boolean)) return
    await clock.sleep(100)
  }
}

/** @throws StandaloneError, VolumeError, SecretStoreError, EnrolmentError: nothing is left running then. */
export const startStandalone = async (settings: StandaloneSettings): Promise<Standalone> => {
  const undo: (() => Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step()
  }
  try {
    const data = await openDataFolder(settings.folder)
    undo.push(() => data.close())
    const controlPlane = await openControlPlane({ ...settings, folder: data.path })
    undo.push(() => controlPlane.close())
    const server = await startServer(controlPlane.app, settings.listen)
    undo.push(() => server.close())
    const { clock } = settings
    const token = await localToken({ catalog: controlPlane.catalog, clock }, data.path)
    await writeLocalServer(data.path, { url: server.url, token })
    const woken = controlPlane.start()
    undo.push(() => woken.stop())
    const agents = await startAgents(settings, controlPlane, { folder: data.path, url: server.url })
    undo.push(async () => {
      await Promise.all(agents.map(({ process }) => process.stop()))
      for (const { local } of agents) await releasePool(local.folder)
    })
    await untilHeard(
      controlPlane,
      agents.map(({ local }) => local.node),
      settings,
    )
    const nodes = agents.map(({ local, process }) => ({ ...local, pid: () => process.pid() }))
    return { url: server.url, folder: data.path, nodes, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
