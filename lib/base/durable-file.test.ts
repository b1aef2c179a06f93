import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { syncFile, syncFolder, writeFileDurably } from './durable-file.ts'

const top = mkdtempSync(join(tmpdir(), 'drover-durable-'))
afterAll(() => rmSync(top, { recursive: true }))
const newFolder = (): string => mkdtempSync(join(top, 'folder-'))

it('writes a file and replaces it, leaving nothing beside it', async () => {
  const path = join(newFolder(), 'record.json')
  await writeFileDurably(path, 'a longer first text')
  const first = statSync(path)
  await writeFileDurably(path, 'second')
  expect(readFileSync(path, 'utf8')).toBe('second')
  expect(readdirSync(join(path, '..'))).toEqual(['record.json'])
  // Replaced whole: never written into, where a crash would leave half.
  expect(statSync(path).ino).not.toBe(first.ino)
})

it.skipIf(process.platform === 'win32')('lets only its owner read it, unless told otherwise', async () => {
  const folder = newFolder()
  await writeFileDurably(join(folder, 'secret'), 'x')
  await writeFileDurably(join(folder, 'public'), 'x', 0o644)
  expect(statSync(join(folder, 'secret')).mode & 0o777).toBe(0o600)
  expect(statSync(join(folder, 'public')).mode & 0o777).toBe(0o644 & ~process.umask())
})

it('replaces what a crash left beside it', async () => {
  const path = join(newFolder(), 'record.json')
  writeFileSync(`${path}.tmp`, 'half of a lon')
  await writeFileDurably(path, 'whole')
  expect(readFileSync(path, 'utf8')).toBe('whole')
  expect(existsSync(`${path}.tmp`)).toBe(false)
})

it('leaves the old content when the new one cannot be written', async () => {
  const path = join(newFolder(), 'record.json')
  await writeFileDurably(path, 'old')
  mkdirSync(`${path}.tmp`)
  await expect(writeFileDurably(path, 'new')).rejects.toThrow()
  expect(readFileSync(path, 'utf8')).toBe('old')
})

it('syncs files and folders that are there, and no others', async () => {
  const folder = newFolder()
  writeFileSync(join(folder, 'file'), 'x')
  await syncFile(join(folder, 'file'))
  await syncFolder(folder)
  await expect(syncFile(join(folder, 'none'))).rejects.toThrow('ENOENT')
  await expect(syncFolder(join(folder, 'none'))).rejects.toThrow('ENOENT')
})
