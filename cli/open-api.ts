/**
 * @module open-api: which service a command talks to, and as whom. An access token is never an argument: those are for all to see in `ps`.
 */
import { readFile } from 'node:fs/promises'
import { Option, type Command } from 'commander'
import type { ApiClient } from '#lib/api/client.ts'
import { readLocalServer, type LocalServer } from '#lib/api/local-server.ts'
import { parseNotEmpty } from './options.ts'
import type { Session } from './session.ts'
import { accessToken, dataFolder, serviceUrl } from './settings.ts'
import { UsageError } from './usage-error.ts'

export interface ApiOptions {
  url?: string | undefined
  tokenFile?: string | undefined
}

export const tokenFileOption = (of = 'an access token (default: the environment variable DROVER_TOKEN)') =>
  new Option('--token-file <file>', `file with ${of}`).argParser(parseNotEmpty)

/** Options of a command that talks to the service. */
export const onService = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--url <url>',
        'the service (default: the environment variable DROVER_URL, or the one that runs on this machine)',
      ).argParser(parseNotEmpty),
    )
    .addOption(tokenFileOption())

/** Of one whose `--url` is another. */
export const onDefaultService = (command: Command): Command => command.addOption(tokenFileOption())

/** @throws UsageError. */
export const checkServiceUrl = (url: string): string => {
  if (/^https?:$/.test(URL.parse(url)?.protocol ?? '')) return url
  throw new UsageError('wrong-usage', `${url} is no address of a service`, {
    hint: 'write it as http://127.0.0.1:8780',
  })
}

/** One that no other machine reaches. */
export const isLoopback = (url: string): boolean =>
  /^(?:localhost|127\.[\d.]+|\[::1\])$/.test(new URL(url).hostname)

/** What a file with one token in it says. @throws UsageError. */
export const readTokenFile = async (path: string): Promise<string> => {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new UsageError('wrong-usage', `cannot read ${path}`, { cause, hint: 'give a file with a token' })
  })
  const token = text.trim()
  if (/^[\x21-\x7e]{1,512}$/.test(token)) return token
  throw new UsageError('wrong-usage', `${path} has no token`, { hint: 'a token is one word on one line' })
}

const notFound = (): UsageError =>
  new UsageError('wrong-usage', `no service was given, and none is known in ${dataFolder()}`, {
    hint: 'start it with npm start, or set DROVER_URL and DROVER_TOKEN',
  })

const noToken = (url: string): UsageError =>
  new UsageError('wrong-usage', `no access token was given for ${url}`, {
    hint: 'set DROVER_TOKEN, or give --token-file; "drover token create" makes one',
  })

/** A token is only ever sent to the address that it was given with, or found beside. @throws UsageError, LocalServerError. */
export const foundService = async ({ url, tokenFile }: ApiOptions): Promise<LocalServer> => {
  const given = tokenFile === undefined ? accessToken() : await readTokenFile(tokenFile)
  const address = url ?? serviceUrl()
  if (address !== undefined) {
    const checked = checkServiceUrl(address)
    if (given === undefined) throw noToken(checked)
    return { url: checked, token: given }
  }
  const local = await readLocalServer(dataFolder())
  if (!local) throw notFound()
  return { ...local, ...(given !== undefined && { token: given }) }
}

/** Every request ends with the session, unless it is given a signal of its own. @throws UsageError, LocalServerError. */
export const openApi = async (
  { signal }: Pick<Session, 'signal'>,
  options: ApiOptions,
): Promise<ApiClient> => {
  const service = await foundService(options)
  // Its schemas take a while to load: help and wrong usage do not wait for them.
  const [{ apiClient }, { requests }] = await Promise.all([
    import('#lib/api/client.ts'),
    import('#lib/api/requests.ts'),
  ])
  const request = requests(service)
  return apiClient((method, path, asked) =>
    request(method, path, { ...asked, signal: asked?.signal ?? signal }),
  )
}
