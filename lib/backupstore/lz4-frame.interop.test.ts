/** Against the `lz4` command, in both directions. */
import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { isLz4Frame, lz4FrameCompress, lz4FrameDecompress } from './lz4-frame.ts'

const hasLz4 = spawnSync('lz4', ['--version']).status === 0
if (!hasLz4) console.warn('skipped: there is no lz4 command here')

const MiB = 1024 * 1024
const folder = mkdtempSync(join(tmpdir(), 'drover-lz4-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const mixed = Buffer.alloc(2 * MiB)
for (let at = 0; at < mixed.length; at += 4096) randomBytes(2048).copy(mixed, at)
const source = readFileSync(join(import.meta.dirname, 'lz4-frame.ts'))
const text = Buffer.alloc(2 * MiB)
for (let at = 0; at < text.length; at += source.length) source.copy(text, at)
const large = Buffer.concat([
  text,
  mixed,
  Buffer.alloc(MiB),
  randomBytes(MiB),
  mixed,
  Buffer.alloc(8 * MiB, 'abcdefg'),
  text.subarray(0, 12_345),
])

const samples = Object.entries({
  nothing: Buffer.alloc(0),
  'one byte': Buffer.from('x'),
  text,
  'half random': mixed,
  zeros: Buffer.alloc(2 * MiB),
  random: randomBytes(2 * MiB),
  '18 MiB of everything': large,
})

const flavours = [
  [],
  ['-1'],
  ['-9'],
  ['-12'],
  ['-l'],
  ['-B4'],
  ['-B5'],
  ['-B6'],
  ['-B7'],
  ['-B4', '-BD'],
  ['-B5', '-BD', '-9'],
  ['-B7', '-BD'],
  ['-BX'],
  ['-B4', '-BD', '-BX'],
  ['--content-size'],
  ['--no-frame-crc'],
  ['--content-size', '--no-frame-crc', '-B4', '-BD', '-BX', '-9'],
]

describe.skipIf(!hasLz4).each(samples)('lz4 frames of %s', (name, data) => {
  const path = join(folder, name)
  writeFileSync(path, data)

  it.each(flavours)('are read as `lz4 %s` writes them', (...flags) => {
    const frame = execFileSync('lz4', ['-z', '-c', '-q', ...flags, path], { maxBuffer: 64 * MiB })
    expect(isLz4Frame(frame)).toBe(true)
    expect(Buffer.compare(lz4FrameDecompress(frame, data.length), data)).toBe(0)
  })

  it('are refused where there is room for all but one byte', () => {
    if (data.length === 0) return
    const frame = execFileSync('lz4', ['-z', '-c', '-q', path], { maxBuffer: 64 * MiB })
    expect(() => lz4FrameDecompress(frame, data.length - 1)).toThrow('more than it may')
  })

  it('are read by lz4 as we write them', () => {
    const unpacked = execFileSync('lz4', ['-d', '-c', '-q'], {
      input: lz4FrameCompress(data),
      maxBuffer: 64 * MiB,
    })
    expect(Buffer.compare(unpacked, data)).toBe(0)
  })
})
