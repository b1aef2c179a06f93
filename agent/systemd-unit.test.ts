/**
 * The unit is what this repository has: its program, its flags, its folder. What its options mean is judged by systemd, where it is installed.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { agentArguments } from './settings.ts'

const root = join(import.meta.dirname, '..')
const unit = join(root, 'infra', 'systemd', 'drover-agent.service')
const text = readFileSync(unit, 'utf8')

/** All values of an option. */
const valuesOf = (option: string): string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith(`${option}=`))
    .map((line) => line.slice(option.length + 1))
const valueOf = (option: string): string => {
  const [value = '', ...others] = valuesOf(option)
  expect(others).toEqual([])
  return value
}

/** Where docs/agents.md puts a clone, and systemd a system's state. */
const installed = (path: string): string => path.replace(/^\/opt\/drover\//, `${root}/`)
const expanded = (argument: string): string => argument.replaceAll('%S', '/var/lib')

describe("the agent's unit", () => {
  it('starts the program of this repository, in the Node that came with it', () => {
    const [node = '', program = ''] = valueOf('ExecStart').split(' ')
    expect(existsSync(installed(node))).toBe(true)
    expect(installed(program)).toBe(join(root, 'agent', 'drover-agent.mjs'))
    expect(existsSync(installed(program))).toBe(true)
  })

  it('gives it arguments that it takes, with the folder that systemd makes, and none of the environment', () => {
    const [, , ...args] = valueOf('ExecStart').split(' ').map(expanded)
    const folder = expanded(`%S/${valueOf('StateDirectory')}`)
    expect(agentArguments(args, {})).toEqual({
      kind: 'run',
      folder,
      isVerbose: false,
      untilStdinEnds: false,
    })
    expect(expanded(valueOf('ConditionPathExists'))).toBe(join(folder, 'agent.json'))
    expect(valueOf('StateDirectoryMode')).toBe('0700')
  })

  it('lets programs that change the machine end, and what thaws outlive the agent', () => {
    expect(valueOf('KillMode')).toBe('process')
  })

  it('is started again, however often', () => {
    expect(valueOf('Restart')).toBe('always')
    expect(valueOf('StartLimitIntervalSec')).toBe('0')
  })

  it('sees the mounts of the machine: no option gives it a mount namespace', () => {
    // Source: systemd.exec(5), "Sandboxing": those that set up a mount namespace.
    const options =
      /^(ProtectSystem|ProtectHome|PrivateTmp|PrivateDevices|PrivateMounts|PrivateIPC|ProtectKernelTunables|ProtectKernelModules|ProtectKernelLogs|ProtectControlGroups|ProtectProc|ProcSubset|ProtectHostname|DynamicUser|RootDirectory|RootImage|MountFlags|MountAPIVFS|(ReadWrite|ReadOnly|Inaccessible|Exec|NoExec)Paths|TemporaryFileSystem|Bind(ReadOnly)?Paths|LoadCredential|SetCredential)=/m
    expect(text).not.toMatch(options)
  })

  it('names devices by the kernel, and its environment by one file that need not be there', () => {
    expect(valuesOf('DeviceAllow')).toEqual(['/dev/loop-control rw', 'block-loop rw'])
    expect(valueOf('EnvironmentFile')).toBe('-/etc/drover/agent.env')
  })
})

const isInstalled = spawnSync('systemd-analyze', ['--version']).status === 0
if (!isInstalled) console.log("the agent's unit is not verified: systemd-analyze is not installed")

describe.skipIf(!isInstalled)('systemd', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'drover-unit-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const verified = (content: string) => {
    const path = join(folder, 'drover-agent.service')
    writeFileSync(path, content.replaceAll('/opt/drover/', `${root}/`))
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' })
    // It tells of every unit that this one leads to.
    const ours = stderr.split('\n').filter((line) => line.includes('drover-agent'))
    return { status, ours }
  }

  it('finds nothing wrong with it', () => {
    expect(verified(text)).toEqual({ status: 0, ours: [] })
  })

  it('would tell of an option that there is not', () => {
    const { ours } = verified(text.replace('KillMode=process', 'KillMode=proces\nKilMode=process'))
    expect(ours.join()).toMatch(/KilMode/)
    expect(ours.join()).toMatch(/proces\b/)
  })
})
