/**
 * @module node-enrolment: how a machine becomes a node, and what its agent has to know from then on: `agent.json`, in the agent's own
 * folder, for its owner alone, since the node's token is in it.
 */
import { constants } from 'node:fs'
import { access, mkdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import * as z from 'zod'
import { writeFileDurably } from '#lib/base/durable-file.ts'
import { CodedError } from '#lib/base/errors.ts'
import { clientCalls } from './client-calls.ts'
import { JoinAnswer } from './node-messages.ts'
import { RequestError, requests } from './requests.ts'

export type EnrolmentErrorCode =
  | 'not-joined' // the folder has no agent.json
  | 'already-joined' // it has one
  | 'config-damaged' // agent.json cannot be read
  | 'folder-failed' // the folder cannot be made, or written to
  | 'token-refused' // the token to join with was used, has expired, or is another kind of token

export class EnrolmentError extends CodedError<EnrolmentErrorCode> {}

export const AgentConfig = z.object({
  format: z.literal(1),
  /** Of the control plane. */
  url: z.url({ protocol: /^https?$/ }),
  node: z.string().min(1),
  cluster: z.string().min(1),
  token: z.string().min(1),
  /** The folder of its pool of volumes. */
  pool: z.string().min(1),
})
export type AgentConfig = z.infer<typeof AgentConfig>

const configPath = (folder: string): string => join(folder, 'agent.json')

const folderFailed = (folder: string, cause: unknown): EnrolmentError =>
  new EnrolmentError('folder-failed', `cannot write to the agent's folder ${folder}`, {
    cause,
    hint: "check its owner and mode, and that no file stands in its way; an agent's folder is as a rule root's",
  })

const prepareFolder = async (folder: string): Promise<void> => {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await access(folder, constants.W_OK)
  } catch (error) {
    throw folderFailed(folder, error)
  }
}

/** Replaces one that is there. @throws EnrolmentError `folder-failed`. */
export const writeAgentConfig = async (folder: string, config: AgentConfig): Promise<void> => {
  await prepareFolder(folder)
  try {
    await writeFileDurably(configPath(folder), `${JSON.stringify(config, undefined, 2)}\n`)
  } catch (error) {
    throw folderFailed(folder, error)
  }
}

const readText = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new EnrolmentError('config-damaged', `${path} cannot be read`, {
      cause: error,
      hint: 'it belongs to who joined the node, as a rule root',
    })
  }
}

/** @throws EnrolmentError `not-joined`, `config-damaged`: what it says has nothing of the token. */
export const readAgentConfig = async (folder: string): Promise<AgentConfig> => {
  const path = configPath(folder)
  const text = await readText(path)
  if (text === undefined)
    throw new EnrolmentError('not-joined', `${folder} is no agent's folder: it has no agent.json`, {
      hint: 'make this machine a node with: drover node join',
    })
  try {
    return AgentConfig.parse(JSON.parse(text))
  } catch (error) {
    // The parser's own message may quote the text.
    const cause = error instanceof z.ZodError ? error : undefined
    throw new EnrolmentError('config-damaged', `${path} is damaged`, {
      cause,
      hint: 'put it back from a copy; or remove it and the node, and join again: drover node delete, drover node join',
    })
  }
}

export interface JoinNode {
  url: string
  joinToken: string
  node: string
  pool: string
  /** The agent's own: made if it is not there. */
  folder: string
  fetch?: typeof globalThis.fetch | undefined
}

const checkNotJoined = async (folder: string): Promise<void> => {
  if ((await readText(configPath(folder))) === undefined) return
  throw new EnrolmentError('already-joined', `${folder} is the folder of a node's agent already`, {
    hint: 'give each node a folder of its own, with --folder; or remove agent.json if that node is gone',
  })
}

const refused = (error: unknown): unknown => {
  if (!(error instanceof RequestError) || (error.status !== 401 && error.status !== 403)) return error
  return new EnrolmentError('token-refused', `the token to join with was refused: ${error.message}`, {
    cause: error,
    hint: 'it is good for one node, once, for a time; make another with: drover node token',
  })
}

/**
 * Makes this machine a node, and writes what its agent needs. What can be wrong with the folder is found before the token is used
 * up. @throws EnrolmentError, RequestError.
 */
export const joinNode = async ({
  url,
  joinToken,
  node,
  pool,
  folder,
  fetch,
}: JoinNode): Promise<AgentConfig> => {
  await checkNotJoined(folder)
  await prepareFolder(folder)
  const { ask } = clientCalls(requests({ url, token: joinToken, fetch }))
  const joined = await ask(JoinAnswer, 'POST', '/v1/nodes/join', { body: { node } }).catch(
    (error: unknown) => {
      throw refused(error)
    },
  )
  const config: AgentConfig = { format: 1, url, pool: resolve(pool), ...joined }
  await writeAgentConfig(folder, config)
  return config
}
