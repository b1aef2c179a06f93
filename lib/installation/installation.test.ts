import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { installationNames } from './installation.ts'

const read = (path: string): string => readFileSync(join(import.meta.dirname, '../..', path), 'utf8')

/** Values of a key in the template's sources, with the stack's name in them. */
const valuesOf = (text: string, key: string): Set<string> => {
  const values = [...text.matchAll(new RegExp(`^ *${key}: (.*)$`, 'gm'))].map((match) => match[1] ?? '')
  return new Set(
    values.map((value) =>
      value.replace(/^!Sub /, '').replace(/\$\{(AWS::StackName|self:provider\.stackName)\}/, 'drover'),
    ),
  )
}

describe("an installation's names", () => {
  const names = installationNames('drover')
  const functions = read('serverless.yml')

  it('are those that the template gives its functions to make things by', () => {
    expect(valuesOf(functions, 'DROVER_RULE_PREFIX')).toEqual(new Set([names.rulePrefix]))
    expect(valuesOf(functions, 'DROVER_NODE_QUEUE_PREFIX')).toEqual(new Set([names.queuePrefix]))
    expect(valuesOf(functions, 'DROVER_SECRET_PREFIX')).toEqual(new Set([names.secretPrefix]))
    expect(valuesOf(functions, 'name')).toContain(names.runJobFunction)
    expect(valuesOf(read('infra/queues.yml'), 'QueueName')).toContain(names.nodeDeadLetters)
  })

  it('begin nothing that is of the stack itself', () => {
    const ofStack = [
      ...valuesOf(functions, 'name'),
      ...valuesOf(read('infra/queues.yml'), 'QueueName'),
    ].filter((name) => name.startsWith('drover'))
    expect(ofStack.length).toBeGreaterThan(8)
    const begun = ofStack.filter(
      (name) => name.startsWith(names.rulePrefix) || name.startsWith(names.queuePrefix),
    )
    expect(begun).toEqual([])
  })

  it.each(['', 'a_b', '1a', '-a', 'a b', 'a/b', 'x'.repeat(129)])('are not of %j', (stack) => {
    expect(() => installationNames(stack)).toThrow(expect.objectContaining({ code: 'invalid-stack-name' }))
  })

  it("are of a stack that says that it is Drover's", () => {
    // By this word cloudformation-stack.ts knows it.
    expect(read('infra/parameters.yml')).toMatch(/^Description: .*\bDrover\b/m)
  })
})
