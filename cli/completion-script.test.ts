import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { completionScript, shells } from './completion-script.ts'
import { droverProgram } from './program.ts'

const program = droverProgram(async () => {})

const isThere = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0

/** What bash offers where the last word is being typed. */
const completed = (...words: string[]): string[] => {
  const script = `${completionScript('bash', program)}
COMP_WORDS=(drover "$@"); COMP_CWORD=$#; _drover; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr, status } = spawnSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8' })
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  return stdout.split('\n').filter((word) => word !== '')
}

describe.skipIf(!isThere('bash'))('the script for bash (skipped without bash)', () => {
  it.each([
    [['vol'], ['volume']],
    [
      ['backup', 'c'],
      ['create', 'collect'],
    ],
    [['pool', 'snapshot', 're'], ['revert']],
    [['--json', 'back'], ['backup']],
    [
      ['target', 'secret', ''],
      ['put', 'list', 'delete'],
    ],
    [
      ['token', 'create', 'ci', '--role', ''],
      ['viewer', 'operator', 'admin'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['volume', 'attach', 'web', '--ma'], ['--maintenance']],
    [['volume', 'attach', 'web', '--j'], ['--json']],
    [['volume', 'attach', ''], []],
    [['nonsense', ''], program.commands.map((command) => command.name())],
  ])('completes %j', (words, offered) => {
    expect(completed(...words)).toEqual(offered)
  })

  it('says what is completed by it', () => {
    const script = `${completionScript('bash', program)}\ncomplete -p drover`
    expect(spawnSync('bash', ['-c', script], { encoding: 'utf8' }).stdout).toContain('-F _drover drover')
  })
})

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-completion-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const fileOf = (script: string): string => {
  const path = join(folder, 'script')
  writeFileSync(path, script)
  return path
}

describe.each(['zsh', 'fish'] as const)('the script for %s', (shell) => {
  it.skipIf(!isThere(shell))(`is one that ${shell} can read (skipped without ${shell})`, () => {
    const script = completionScript(shell, program)
    expect(spawnSync(shell, ['-n', fileOf(script)], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    })
  })
})

it.skipIf(!isThere('fish'))('completes in fish (skipped without fish)', () => {
  const script = `${completionScript('fish', program)}\ncomplete --do-complete 'drover volume at'`
  const { stdout } = spawnSync('fish', ['--no-config', fileOf(script)], { encoding: 'utf8' })
  expect(stdout).toMatch(/^attach\b/)
})

it.each(shells)('knows all commands, for %s', (shell) => {
  const script = completionScript(shell, program)
  expect(script).toContain("'drover target secret'")
  expect(script).toContain("'put list delete'")
  expect(script).toContain("'viewer operator admin'")
})
