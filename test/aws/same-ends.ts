/**
 * @module same-ends: all scenarios, once undisturbed, then with a fault that befalls the first attempt of each call: they end the same.
 */
import { expect } from 'vitest'
import { firstAttempts, neverBefore, type Fault } from './faults.ts'
import { nodeRequestScenarios } from './node-request-scenarios.ts'
import { furtherRequestScenarios, requestScenarios } from './request-scenarios.ts'
import { runScenario, type Between } from './scenario-run.ts'
import { deletion, furtherScenarios, quickScenarios, type Scenario } from './scenarios.ts'
import type { AwsCall } from './aws-calls.ts'
import type { Estate } from './small-estate.ts'

const all: readonly Scenario[] = [
  ...quickScenarios,
  ...furtherScenarios,
  deletion,
  ...requestScenarios,
  ...furtherRequestScenarios,
  ...nodeRequestScenarios,
]

interface Undisturbed {
  ended: string[]
  calls: AwsCall[]
}

export interface SameEnds {
  /** What is answered in AWS's place. */
  expectWith(make: () => Fault): Promise<void>
  /** Each is done, and nobody hears of it. */
  expectWithLostAnswers(): Promise<void>
}

const undisturbedRun = async (estate: Estate, scenario: Scenario): Promise<Undisturbed> => {
  const calls: AwsCall[] = []
  const ended = await runScenario(estate, scenario, {
    onCall: async (call) => {
      calls.push(call)
      return undefined
    },
  })
  return { ended, calls }
}

export const sameEnds = async (estate: Estate): Promise<SameEnds> => {
  const undisturbed = new Map<Scenario, Undisturbed>()
  for (const scenario of all) undisturbed.set(scenario, await undisturbedRun(estate, scenario))
  const struck = new Map<string, number>()
  const strike = ({ service, operation }: AwsCall): void => {
    const kind = `${service} ${operation}`
    struck.set(kind, (struck.get(kind) ?? 0) + 1)
  }
  const expectSame = async (between: () => Between, befalls: (call: AwsCall) => boolean): Promise<void> => {
    struck.clear()
    for (const [scenario, { ended, calls }] of undisturbed) {
      for (const pattern of scenario.leaves) expect(ended.join('\n')).toMatch(pattern)
      if (!calls.some(befalls)) continue
      expect([scenario.name, await runScenario(estate, scenario, between())]).toEqual([scenario.name, ended])
    }
    console.log(Object.fromEntries(struck))
    const kinds = [...undisturbed.values()].flatMap(({ calls }) => calls.filter(befalls))
    expect([...struck.keys()]).toEqual(
      expect.arrayContaining(kinds.map(({ service, operation }) => `${service} ${operation}`)),
    )
  }
  return {
    expectWith: (make) =>
      expectSame(
        () => {
          const [fault, isFirst] = [make(), firstAttempts()]
          return {
            onCall: async (call) => {
              const answer = fault(call)
              if (!answer || !isFirst(call)) return undefined
              strike(call)
              return answer
            },
          }
        },
        (call) => make()(call) !== undefined,
      ),
    expectWithLostAnswers: () =>
      expectSame(
        () => {
          const isFirst = neverBefore()
          return {
            onAnswer: async (call) => {
              if (!isFirst(call)) return
              strike(call)
              throw new Error('the answer is lost')
            },
          }
        },
        () => true,
      ),
  }
}
