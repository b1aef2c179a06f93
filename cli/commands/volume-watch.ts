import type { Command } from 'commander'
import type { ApiClient } from '#lib/api/client.ts'
import { RequestError } from '#lib/api/requests.ts'
import { gathered } from '#lib/base/gathered.ts'
import { formatBytes } from '#lib/base/sizes.ts'
import type { Operation, Volume } from '../answers.ts'
import { onService, openApi, type ApiOptions } from '../open-api.ts'
import { operationLine } from '../output/operation-view.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'
import {
  clusterOption,
  volumeReference,
  type ClusterOptions,
  type VolumeReference,
} from '../volume-reference.ts'
import { whenReachable } from '../wait-for.ts'

type Options = ApiOptions & ClusterOptions

const example = `
Example:
  $ drover volume watch web

A line for each change of the volume and of its open operations, until the volume is gone or Ctrl-C is pressed; with --json a document a line.`

const everyMs = 1000

interface Seen {
  volume: Volume
  operations: Operation[]
}

/** `undefined`: it is gone. */
const look = async (
  client: ApiClient,
  { cluster, volume: name }: VolumeReference,
): Promise<Seen | undefined> => {
  try {
    const volume = await client.volumes.show(cluster, name)
    const open = await gathered(client.operations.list({ state: 'open', node: volume.node }))
    return { volume, operations: open.filter((each) => each.cluster === cluster && each.volume === name) }
  } catch (error) {
    if (error instanceof RequestError && error.code === 'not-found') return undefined
    throw error
  }
}

const linesOf = ({ volume, operations }: Seen): string[] => {
  const { cluster, name, state, node, path, sizeBytes } = volume
  const device = path === null ? [] : [path]
  return [
    [`${cluster}/${name}`, state, node, formatBytes(sizeBytes), ...device].join('  '),
    ...operations.map(operationLine),
  ]
}

const watch = async (session: Session, name: string, options: Options): Promise<Outcome> => {
  const of = volumeReference(name, options)
  const client = await openApi(session, options)
  // A name that is mistyped is told as such.
  await client.volumes.show(of.cluster, of.volume)
  let before: string[] = []
  for (;;) {
    const seen = await whenReachable(session, () => look(client, of))
    if (!seen) break
    const lines = linesOf(seen)
    const fresh = lines.filter((line) => !before.includes(line))
    if (fresh.length > 0) session.tell({ json: seen, text: fresh.join('\n') })
    before = lines
    await session.clock.sleep(everyMs, session.signal)
  }
  return {
    json: { volume: null, operations: [] },
    text: `volume ${of.cluster}/${of.volume} is gone`,
    isLast: true,
  }
}

export const addVolumeWatch = (parent: Command, act: Act): Command =>
  onService(parent.command('watch'))
    .description('show the state of a volume and its open operations, as they change')
    .argument('<volume>', 'name of the volume')
    .addOption(clusterOption())
    .addHelpText('after', example)
    .action((name: string, options: Options) => act((session) => watch(session, name, options)))
