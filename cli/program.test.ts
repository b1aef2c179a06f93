import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { droverProgram } from './program.ts'

const program = droverProgram(async () => {})

const withSubcommands = (command: Command, path: string): [path: string, command: Command][] => [
  [path, command],
  ...command.commands.flatMap((sub) => withSubcommands(sub, `${path} ${sub.name()}`)),
]
const commands = withSubcommands(program, 'drover')

const helpOf = (command: Command): string => {
  let text = ''
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp()
  return text
}

describe('help', () => {
  it.each(commands)('of %s has an example and the global options', (path, command) => {
    const help = helpOf(command)
    expect(help).toContain(`Usage: ${path} `)
    expect(help).toMatch(/^Examples?:\n {2}\$ \S/m)
    expect(help).toContain('--json')
  })

  it('of a command on a pool says where the pool comes from', () => {
    const onPools = commands.filter(
      ([path, { commands: subs }]) =>
        path.startsWith('drover pool') && subs.length === 0 && path !== 'drover pool init',
    )
    expect(onPools).toHaveLength(12)
    for (const [, command] of onPools) expect(helpOf(command)).toContain('DROVER_POOL')
  })

  it('of a command on the service says where that comes from, and takes no token as an argument', () => {
    const onService = commands.filter(([, { options }]) =>
      options.some(({ long }) => long === '--token-file'),
    )
    expect(onService.length).toBeGreaterThan(50)
    for (const [, command] of onService) {
      expect(helpOf(command)).toContain('DROVER_URL')
      expect(command.options.map(({ long }) => long)).not.toContain('--token')
    }
  })
})
