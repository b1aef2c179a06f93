/**
 * A process that works on a real folder is killed at its store calls, with SIGKILL: before a call, after it, or in the middle of it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { forEachConcurrently } from '#lib/base/concurrency.ts'
import { folderObjectStore } from '#lib/object-store/folder-object-store.ts'
import { hasIndependentReader } from '../independent-reader.ts'
import { blockSizeBytes, sha256Of } from '../letter-volume.ts'
import { independentReader, judge, ownReader, sha256OfFile, type Judge } from '../readers.ts'
import { audit, filesIn, folderOf, volumeFileIn, type Files } from '../volume-audit.ts'
import { volumeName } from '../volume-actions.ts'
import type { ChildOrder } from './crash-child.ts'
import { contents, sha256OfBackup, wordOf, type BackupName } from './crash-operations.ts'
import {
  fileActions,
  operationNames,
  outputName,
  perform,
  writeImage,
  type FileWorld,
  type OperationName,
} from './file-operations.ts'

const maxKills = 150
const childrenAtOnce = 2

const missing = hasIndependentReader()
if (missing !== undefined)
  console.log(`restored with Drover alone: docs/restore-without-drover.sh, ${missing}`)
const reader: Judge = judge(missing === undefined ? independentReader : ownReader)

const root = mkdtempSync(join(tmpdir(), 'drover-kill-'))
afterAll(() => rmSync(root, { recursive: true }))
const images = join(root, 'images')

interface Place extends FileWorld {
  folder: string
}

const placeAt = (folder: string, time: string): Place => {
  const outputs = join(folder, 'outputs')
  const storeFolder = join(folder, 'store')
  for (const each of [outputs, storeFolder]) mkdirSync(each, { recursive: true })
  return { folder, outputs, images, time, store: folderObjectStore({ folder: storeFolder }) }
}

const storeIn = ({ folder }: Place): string => join(folder, 'store')

/** What each operation finds: a store, and in one case a restored file. */
const prepare = async (operation: OperationName): Promise<string> => {
  const place = placeAt(join(root, operation), '2026-01-01T00:00:00Z')
  const names: BackupName[] = operation === 'first backup' ? [] : ['b1', 'b2', 'b3']
  for (const name of names) await fileActions(place).backup(name, contents[name])
  if (operation === 'restore onto an earlier backup') writeImage(join(place.outputs, outputName), contents.b1)
  if (operation === 'collection') await runChild(place, 'incremental backup', { call: 14, when: 'half' })
  return place.folder
}

/** The calls it made; `undefined`: it was killed. */
const runChild = async (
  { folder, outputs, time }: Place,
  operation: OperationName,
  { call, when }: Pick<ChildOrder, 'call' | 'when'>,
): Promise<string[] | undefined> => {
  const order: ChildOrder = { operation, folder: join(folder, 'store'), images, outputs, time, call, when }
  const script = join(import.meta.dirname, 'crash-child.ts')
  const child = spawn(process.execPath, [script, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  if (child.signalCode === 'SIGKILL') return undefined
  if (child.exitCode === 0) return z.array(z.string()).parse(JSON.parse(stdout))
  throw new Error(`${operation} ended with ${child.exitCode}: ${stderr}`)
}

interface Kill {
  operation: OperationName
  call: number
  when: ChildOrder['when']
}

/** After a read is before the next call. */
const killsOf = (operation: OperationName, calls: readonly string[]): Kill[] =>
  calls.flatMap((method, position) => {
    const isWrite = method === 'put' || method === 'deleteMany'
    const moments = isWrite ? (['before', 'half', 'after'] as const) : (['before'] as const)
    return moments.map((when) => ({ operation, call: position + 1, when }))
  })

const spread = <T>(items: readonly T[], count: number): T[] =>
  items.length <= count
    ? [...items]
    : Array.from({ length: count }, (_, i) => Math.floor((i * items.length) / count)).flatMap((position) =>
        items.slice(position, position + 1),
      )

const sizeBlocksOf = (files: Files): number => Number(volumeFileIn(files, volumeName).Size) / blockSizeBytes

const requireWhole = async (place: Place): Promise<string[]> => {
  const files = filesIn(storeIn(place))
  expect(audit(files, volumeName).missing).toEqual([])
  const read = await reader.read(files, volumeName)
  for (const [name, sha256] of read)
    expect([name, sha256]).toEqual([name, sha256OfBackup(name, sizeBlocksOf(files))])
  return [...read.keys()].toSorted()
}

/** The dead one's lock, and what it left of a lock, as they are when they expired over an hour ago. */
const age = (place: Place): void => {
  const locks = join(storeIn(place), folderOf(volumeName), 'locks')
  const longAgo = Date.now() / 1000 - 2 * 3600
  for (const name of existsSync(locks) ? readdirSync(locks) : [])
    utimesSync(join(locks, name), longAgo, longAgo)
}

const restoredWords: Partial<Record<OperationName, string>> = {
  'restore to a new file': contents.b2,
  'restore onto an earlier backup': contents.b3,
}

/** What must be there after the second try and a collection. */
const expectedNames = (operation: OperationName, afterKill: readonly string[]): string[] => {
  const removed: Partial<Record<OperationName, string[]>> = {
    'deletion of the first backup': ['b1'],
    'deletion of the last backup': ['b3'],
    'deletion of the volume': ['b1', 'b2', 'b3'],
  }
  const made: Partial<Record<OperationName, string>> = {
    'first backup': 'again',
    'incremental backup': 'again',
    'full backup': 'again',
    'backup of a volume that grew': 'grownAgain',
  }
  const kept = afterKill.filter((name) => removed[operation]?.includes(name) !== true)
  return [...kept, made[operation] ?? []].flat().toSorted()
}

const checkRestored = async (place: Place, word: string): Promise<void> => {
  expect(readdirSync(place.outputs)).toEqual([outputName])
  expect(await sha256OfFile(join(place.outputs, outputName))).toBe(sha256Of(word))
}

let halves = 0
/** Of writes: files that died before they got their names. */
const countHalves = (place: Place): void => {
  halves += [...filesIn(storeIn(place)).keys()].filter((key) => /\.tmp\.\d+$/.test(key)).length
}

const killAndLook = async (past: string, { operation, call, when }: Kill): Promise<void> => {
  const folder = mkdtempSync(join(root, 'kill-'))
  try {
    cpSync(past, folder, { recursive: true, preserveTimestamps: true })
    const place = placeAt(folder, '2026-01-02T00:00:00Z')
    expect(await runChild(place, operation, { call, when })).toBe(undefined)
    if (operation === 'restore to a new file') expect(readdirSync(place.outputs)).not.toContain(outputName)
    const afterKill = await requireWhole(place)
    countHalves(place)

    age(place)
    await perform(operation, placeAt(folder, '2026-01-03T00:00:00Z'), true)
    const word = restoredWords[operation]
    if (word !== undefined) await checkRestored(place, word)
    expect(await fileActions(place).collect()).toMatchObject({ kind: 'collected', missingBlocks: 0 })
    const { inProgress, unused } = audit(filesIn(storeIn(place)), volumeName)
    expect({ inProgress, unused }).toEqual({ inProgress: [], unused: [] })
    expect(await requireWhole(place)).toEqual(expectedNames(operation, afterKill))
  } catch (cause) {
    throw new Error(`${operation} killed ${when} its call ${call}`, { cause })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('a process killed at its store calls', () => {
  const pasts = new Map<OperationName, string>()
  const kills: Kill[] = []

  beforeAll(async () => {
    mkdirSync(images)
    for (const name of Object.keys(contents)) writeImage(join(images, name), wordOf(name))
    for (const operation of operationNames) {
      const past = await prepare(operation)
      pasts.set(operation, past)
      const folder = join(root, 'whole')
      cpSync(past, folder, { recursive: true, preserveTimestamps: true })
      const calls = await runChild(placeAt(folder, '2026-01-02T00:00:00Z'), operation, {
        call: 0,
        when: 'before',
      })
      rmSync(folder, { recursive: true })
      kills.push(...killsOf(operation, calls ?? []))
    }
  })

  it(`leaves every committed backup whole, and nothing unused, at up to ${maxKills} of them`, async () => {
    const chosen = spread(kills, maxKills)
    await forEachConcurrently(chosen, { limit: childrenAtOnce }, (kill) =>
      killAndLook(pasts.get(kill.operation) ?? '', kill),
    )
    const { asked, made } = reader.readings()
    console.log(
      `${chosen.length} of ${kills.length} kills, ${asked} backups restored from ${made} distinct stores`,
    )
    expect(new Set(chosen.map((kill) => kill.operation))).toEqual(new Set(operationNames))
    expect(chosen.length).toBe(maxKills)
  })
})
