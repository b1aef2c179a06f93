/**
 * What docs/deploy-aws.md and docs/agents.md name is there: commands with their options, parameters, alarms, functions, and the rights
 * that uninstalling takes.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { droverProgram } from '../cli/program.ts'

const root = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const deploy = read('docs/deploy-aws.md')

const unique = (words: Iterable<string>): string[] => [...new Set(words)].toSorted()
const matches = (text: string, pattern: RegExp): string[] =>
  unique([...text.matchAll(pattern)].map((match) => match[1] ?? ''))

/** In code, up to what ends a command in a shell. */
const commandsIn = (text: string): string[] =>
  [...text.matchAll(/(?:^|`|&& |\$ |[A-Z_]+=\S+ )drover ([^`\n#|&;]+)/gm)].map((match) =>
    (match[1] ?? '').trim(),
  )

/** What of a command there is not. */
const faultOf = (line: string): string | undefined => {
  let command: Command = droverProgram(async () => {})
  const words = line.split(/\s+/)
  while (command.commands.length > 0 && words.length > 0) {
    const name = words.shift()
    const next = command.commands.find((known) => known.name() === name)
    if (!next) return `${line}: no ${name}`
    command = next
  }
  const unknown = words
    .filter((word) => word.startsWith('--'))
    .find((word) => !command.options.some(({ long }) => long === word))
  return unknown && `${line}: no ${unknown}`
}

describe.each(['docs/deploy-aws.md', 'docs/agents.md'])('%s', (path) => {
  it('names commands that there are, with options that they have', () => {
    const commands = commandsIn(read(path)).filter((line) => /^[a-z]/.test(line))
    expect(commands.length).toBeGreaterThan(10)
    expect(commands.flatMap((line) => faultOf(line) ?? [])).toEqual([])
  })

  it('links to what is there', () => {
    const links = [...read(path).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? '')
    const missing = links.filter((link) => globSync(join('docs', link), { cwd: root }).length === 0)
    expect(missing).toEqual([])
  })
})

describe('the page on AWS', () => {
  it('has all parameters of the stack, and no other', () => {
    const [, parameters = ''] = /^Parameters:\n((?: .*\n|\n)*)/m.exec(read('infra/parameters.yml')) ?? []
    const ofPackage = matches(read('scripts/package.mjs'), /^ {2}(Artifacts\w+): \{$/gm)
    const [, table = ''] = /^### Parameters\n([^]*?)^## /m.exec(deploy) ?? []
    const told = table
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map((match) => match[1] ?? ''))
    expect(ofPackage).toHaveLength(2)
    expect(unique(told)).toEqual(unique([...matches(parameters, /^ {2}(\w+):$/gm), ...ofPackage]))
  })

  it('has all alarms, and no other', () => {
    const [, table = ''] = /^## Alarms\n([^]*?)^## /m.exec(deploy) ?? []
    const alarms = matches(read('infra/monitoring.yml'), /^ {2}(\w+)Alarm:$/gm)
    expect(matches(table, /^\| `(\w+)` \|/gm)).toEqual(alarms)
  })

  it('names the functions of serverless.yml and what they are woken by', () => {
    const functions = matches(read('serverless.yml'), /^ {4}handler: dist\/functions\/([\w-]+)\.handler$/gm)
    const [, table = ''] = /^## What is woken by what\n([^]*?)^## /m.exec(deploy) ?? []
    expect(matches(table, /\| `([\w-]+)` \|/g)).toEqual(functions)
  })

  it('names outputs that the stack has', () => {
    const outputs = matches(read('infra/outputs.yml'), /^ {2}(\w+):/gm)
    const told = unique([...matches(deploy, /OutputKey=='(\w+)'/g), 'FunctionRoleArns', 'BackupRoleArn'])
    expect(told.filter((name) => !outputs.includes(name))).toEqual([])
    for (const name of told) expect(deploy).toContain(name)
  })

  it('names the rights that leftovers and uninstall use, and no other', () => {
    const used = globSync('lib/installation/*.ts', { cwd: root })
      .filter((path) => !path.includes('.test.'))
      .flatMap((path) => {
        const text = read(path)
        const [, service] = /plainly\(`(\w+):\$\{action\}`/.exec(text) ?? []
        return service === undefined
          ? []
          : matches(text, /\bask\('(\w+)'/g).map((action) => `${service}:${action}`)
      })
    expect(unique(used)).toEqual(matches(deploy, /"((?:cloudformation|events|sqs|secretsmanager):\w+)"/g))
  })
})
