/**
 * @module local-server: how commands on the same machine find the service and its token: `server.json` in its data folder, and a
 * file beside it. Both can be read by their owner alone.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { writeFileDurably } from '#lib/base/durable-file.ts'
import { CodedError } from '#lib/base/errors.ts'
import { parsedJson } from '#lib/base/parsed-json.ts'

export type LocalServerErrorCode =
  | 'not-readable' // its files belong to another user
  | 'damaged' // its files say nothing that makes sense

export class LocalServerError extends CodedError<LocalServerErrorCode> {}

const LocalServerFile = z.object({
  format: z.literal(1),
  url: z.url({ protocol: /^https?$/ }),
  /** In the same folder, and nowhere else: whatever it says is sent to the URL, which whoever made the folder has chosen. */
  tokenFile: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,99}$/),
})

/** What goes into a header; a private key, or any other file with lines, does not match. */
const tokenPattern = /^[\x21-\x7e]{1,512}$/

export interface LocalServer {
  url: string
  token: string
}

const fileName = 'server.json'
const tokenFileName = 'admin-token'

/** Replaces what was there. */
export const writeLocalServer = async (folder: string, { url, token }: LocalServer): Promise<void> => {
  await mkdir(folder, { recursive: true })
  await writeFileDurably(join(folder, tokenFileName), `${token}\n`)
  const file: z.infer<typeof LocalServerFile> = { format: 1, url, tokenFile: tokenFileName }
  await writeFileDurably(join(folder, fileName), `${JSON.stringify(file, null, 2)}\n`)
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')

const textOf = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw new LocalServerError('not-readable', `cannot read ${path}`, {
      cause: error,
      hint: 'it is for the user that started the service; others set DROVER_URL and DROVER_TOKEN',
    })
  }
}

const damaged = (path: string, cause?: unknown): LocalServerError =>
  new LocalServerError('damaged', `${path} is not what the service wrote`, {
    hint: 'start the service again, which writes it anew; or set DROVER_URL and DROVER_TOKEN',
    ...(cause !== undefined && { cause }),
  })

/** `undefined`: no service ever ran with this data folder. @throws LocalServerError. */
export const readLocalServer = async (folder: string): Promise<LocalServer | undefined> => {
  const path = join(folder, fileName)
  const text = await textOf(path)
  if (text === undefined) return undefined
  const file = LocalServerFile.safeParse(parsedJson(text))
  if (!file.success) throw damaged(path, file.error)
  const tokenPath = join(folder, file.data.tokenFile)
  const token = (await textOf(tokenPath))?.trim() ?? ''
  if (!tokenPattern.test(token)) throw damaged(tokenPath)
  return { url: file.data.url, token }
}
