/**
 * @module main: `npm start`: the whole service on this machine; `npm start -- demo`: the same, for a walk-through.
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '#lib/base/clock.ts'
import { CodedError } from '#lib/base/errors.ts'
import { randomIds } from '#lib/base/ids.ts'
import { jsonLog } from '#lib/base/json-log.ts'
import { GiB } from '#lib/base/sizes.ts'
import { untilSignal } from './signals.ts'
import { startStandalone, type Standalone, type StandaloneSettings } from './standalone.ts'
import { StandaloneError } from './standalone-error.ts'

const help = `Usage: npm start -- [options]

Starts Drover on this machine: the control plane with its API, and an agent for each of the clusters "primary" and "standby".

Options:
  --data <folder>           where everything is kept (default: DROVER_DATA, or ./.drover)
  --listen <address:port>   where the API listens (default: DROVER_LISTEN, or 127.0.0.1:8780)
  --tls-certificate <file>  PEM; with --tls-key: the API speaks HTTPS
  --tls-key <file>          PEM
  --pool-size <GiB>         of each agent's pool, where one is made on Btrfs (default: a third of what is free)
  --no-agents               only the control plane: nodes join with "drover node join"
  -h, --help                show help

  npm start -- demo         a walk-through: volumes, a job, backups, restores, in a folder of its own; proves what it shows

Example:
  $ npm start
  $ npx drover node list`

const wrongUsage = (message: string, cause?: unknown): StandaloneError =>
  new StandaloneError('wrong-usage', message, { hint: 'see: npm start -- --help', cause })

const given = () =>
  parseArgs({
    options: {
      data: { type: 'string' },
      listen: { type: 'string' },
      'tls-certificate': { type: 'string' },
      'tls-key': { type: 'string' },
      'pool-size': { type: 'string' },
      'no-agents': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  }).values

type Options = ReturnType<typeof given>

/** @throws StandaloneError `wrong-usage`: after the first sentence Node tells of arguments that there are none of here. */
const parsed = (): Options => {
  try {
    return given()
  } catch (error) {
    throw wrongUsage(error instanceof Error ? (error.message.split('. ')[0] ?? '') : String(error), error)
  }
}

const listenOf = (options: Options): StandaloneSettings['listen'] => {
  const text = options.listen ?? process.env['DROVER_LISTEN'] ?? '127.0.0.1:8780'
  const [, bracketed, plain, port = ''] = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined || Number(port) > 65_535) throw wrongUsage(`${text} is not an address and a port`)
  const { 'tls-certificate': certificate, 'tls-key': key } = options
  if ((certificate === undefined) !== (key === undefined))
    throw wrongUsage('--tls-certificate and --tls-key go together')
  const tls = certificate === undefined || key === undefined ? undefined : { certificate, key }
  const isLocal = host === 'localhost' || host === '::1' || host.startsWith('127.')
  if (!tls && !isLocal)
    throw wrongUsage(
      `${host} can be reached by others: tokens and keys would go over the network unencrypted`,
    )
  return { host, port: Number(port), tls }
}

const poolBytesOf = ({ 'pool-size': size }: Options): number | undefined => {
  if (size === undefined) return undefined
  if (/^[1-9]\d{0,5}$/.test(size)) return Number(size) * GiB
  throw wrongUsage(`${size} is not a size in GiB`)
}

const settingsOf = (options: Options): StandaloneSettings => ({
  folder: options.data ?? process.env['DROVER_DATA'] ?? '.drover',
  listen: listenOf(options),
  hasAgents: !options['no-agents'],
  poolBytes: poolBytesOf(options),
  clock: systemClock,
  ids: randomIds,
  log: jsonLog((line) => process.stderr.write(line), systemClock),
  env: { ...process.env },
})

const quoted = (text: string): string =>
  /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

/** Commands look in `.drover` of the folder that they run in. */
const howToFind = (folder: string): string[] =>
  folder === resolve('.drover')
    ? [
        'On this machine, in this folder, commands find it and their token by themselves:',
        '  $ npx drover node list',
      ]
    : [
        'On this machine, in this folder, commands find it and their token with DROVER_DATA:',
        `  $ DROVER_DATA=${quoted(folder)} npx drover node list`,
      ]

const banner = ({ url, folder, nodes }: Standalone): string => {
  const lines = nodes.map(({ cluster, node, pool }) => `  cluster ${cluster}: node ${node}, ${pool}`)
  return [
    `Drover is at ${url}, its data in ${folder}.`,
    ...lines,
    '',
    ...howToFind(folder),
    `Elsewhere: DROVER_URL=${url}, and in DROVER_TOKEN a token made with: npx drover token create NAME --role operator`,
    `The API is described at ${url}/openapi.json. Ctrl-C stops the service; attached volumes stay usable.`,
  ].join('\n')
}

const fail = (error: unknown): never => {
  if (!(error instanceof Error)) throw error
  console.error(`drover: ${error.message}`)
  if (error instanceof CodedError && error.hint !== undefined) console.error(`  hint: ${error.hint}`)
  process.exit(error instanceof StandaloneError && error.code === 'wrong-usage' ? 2 : 1)
}

const run = async (): Promise<void> => {
  if (process.argv[2] === 'demo') {
    const { runDemo } = await import('./demo.ts')
    return runDemo(process.argv.slice(3))
  }
  const options = parsed()
  if (options.help) {
    console.log(help)
    return
  }
  // From now on: a start that is cut off would leave a pool mounted.
  const stopped = untilSignal()
  const service = await startStandalone(settingsOf(options))
  console.log(banner(service))
  await stopped
  console.log('stopping; what is under way is left for the next start')
  await service.stop()
}

await run().catch(fail)
