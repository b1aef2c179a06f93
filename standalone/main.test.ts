import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, describe, expect, it } from 'vitest'

const top = realpathSync(mkdtempSync(join(tmpdir(), 'drover-start-')))
afterAll(() => rmSync(top, { recursive: true, force: true }))

const start = (args: readonly string[]) =>
  spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], {
    cwd: top,
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  })

const local = ['--no-agents', '--listen', '127.0.0.1:0']

describe('npm start', () => {
  it.each([
    [['--nope'], "Unknown option '--nope'", 'see: npm start -- --help'],
    [['--listen', 'nowhere'], 'nowhere is not an address and a port', 'see: npm start -- --help'],
    [
      [...local, '--tls-certificate', '/nope.pem', '--tls-key', '/nope.key'],
      'cannot read /nope.pem, which --tls-certificate names: ENOENT',
      'give --tls-certificate a PEM file',
    ],
  ])('refuses %j with exit code 2', async (args, message, hint) => {
    const child = start(args)
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/^drover: .*\n {2}hint: .*\n$/),
    })
    expect(stderr).toContain(message)
    expect(stderr).toContain(hint)
  })

  it.each([
    [[], '  $ npx drover node list\n'],
    [['--data', 'else where'], `  $ DROVER_DATA='${top}/else where' npx drover node list\n`],
  ])('with %j tells how commands find it', async (args, line) => {
    const child = start([...local, ...args])
    let stdout = ''
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
      if (stdout.includes('Ctrl-C')) child.kill('SIGTERM')
    })
    await once(child, 'exit')
    expect(stdout).toContain(line)
  })
})
