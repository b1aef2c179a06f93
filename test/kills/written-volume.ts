/**
 * @module written-volume: an attached volume that is written to all the time: its device itself, or a file in a file system on it.
 * What is restored from it is judged by what was written.
 */
import { constants, mkdirSync, mkdtempSync, readFileSync, rmdirSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '#lib/base/clock.ts'
import { MiB } from '#lib/base/sizes.ts'
import { copiedContent, roomForContent } from '../pool-model/linux-contents.ts'
import { makeFileSystem, mount, sh, unmount } from '../volume-load/mounting.ts'
import { blockBytes, historyOf, slots, type History } from './history.ts'

export const volumeBytes = 64 * MiB
const fileBytes = 16 * MiB
const fileName = 'blocks'
const pauseMs = 4

export interface WrittenVolume {
  readonly name: string
  readonly history: History
  /** What its writes failed with. */
  readonly faults: string[]
  /** After how many writes a restored image of it was like this. @throws when it never was. */
  momentOf(image: string): Promise<number>
  /** Nothing of it is mounted or open after it. */
  close(): Promise<void>
}

interface Writing {
  history: History
  path: string
  strideBytes: number
  random: () => number
}

/** Direct: nothing of a write that was acknowledged waits in memory. */
const writeForever = async (
  { history, path, strideBytes, random }: Writing,
  signal: AbortSignal,
): Promise<void> => {
  const file: FileHandle = await open(path, constants.O_RDWR | constants.O_DIRECT)
  const memory = roomForContent(blockBytes)
  try {
    while (!signal.aborted) {
      const slot = Math.floor(random() * slots)
      const { number, block } = history.begin(slot)
      block.copy(memory)
      const { bytesWritten } = await file.write(memory, 0, blockBytes, slot * strideBytes)
      if (bytesWritten !== blockBytes) throw new Error(`${bytesWritten} of ${blockBytes} bytes written`)
      history.acknowledge(number)
      await systemClock.sleep(pauseMs)
    }
  } finally {
    await file.close()
  }
}

const keepWriting = (writing: Writing) => {
  const stopping = new AbortController()
  const faults: string[] = []
  const done = writeForever(writing, stopping.signal).catch((error: unknown) => {
    faults.push(String(error))
  })
  return {
    faults,
    stop: () => {
      stopping.abort()
      return done
    },
  }
}

interface Place {
  /** Which of all, from 1. */
  index: number
  name: string
  device: string
  /** For mount points. */
  folder: string
  random: () => number
}

export const writtenDevice = ({ index, name, device, random }: Place): WrittenVolume => {
  const history = historyOf(index)
  const strideBytes = volumeBytes / slots
  const { faults, stop } = keepWriting({ history, path: device, strideBytes, random })
  return {
    name,
    history,
    faults,
    momentOf: async (image) => history.momentOf(readFileSync(image), strideBytes),
    close: stop,
  }
}

const makeFile = async (path: string): Promise<void> => {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_DIRECT, 0o600)
  try {
    await file.write(copiedContent(Buffer.alloc(fileBytes)), 0, fileBytes, 0)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** After the journal's replay, as whoever restores it mounts it; then it has no fault. */
const fileInImage = async (image: string, folder: string): Promise<Buffer> => {
  const place = mkdtempSync(join(folder, 'restored-'))
  try {
    await sh('mount', ['-o', 'loop', '-t', 'ext4', image, place])
    try {
      return readFileSync(join(place, fileName))
    } finally {
      await unmount(place)
      await sh('e2fsck', ['-fn', image])
    }
  } finally {
    rmdirSync(place)
  }
}

export const writtenFile = async ({ index, name, device, folder, random }: Place): Promise<WrittenVolume> => {
  const history = historyOf(index)
  const strideBytes = fileBytes / slots
  await makeFileSystem('ext4', device)
  const place = join(folder, name)
  mkdirSync(place)
  await mount('ext4', device, place)
  const path = join(place, fileName)
  await makeFile(path)
  const { faults, stop } = keepWriting({ history, path, strideBytes, random })
  return {
    name,
    history,
    faults,
    momentOf: async (image) => history.momentOf(await fileInImage(image, folder), strideBytes),
    close: async () => {
      await stop()
      await unmount(place)
      rmdirSync(place)
    },
  }
}
