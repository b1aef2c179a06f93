/**
 * @module each-call: has a function die at each of its calls, one by one: before the call goes on, or when the server has answered it and
 * the function does not know.
 */
import { expect } from 'vitest'
import { runScenario } from './scenario-run.ts'
import type { Scenario } from './scenarios.ts'
import type { Estate } from './small-estate.ts'

export const moments = ['before', 'after'] as const
export type Moment = (typeof moments)[number]

interface Death {
  moment: Moment
  /** From 1. */
  atCall: number
}

interface Run {
  ended: string[]
  calls: string[]
  hasDied: boolean
}

const runUntil = async (estate: Estate, scenario: Scenario, death?: Death): Promise<Run> => {
  const { of } = scenario
  const calls: string[] = []
  let [answered, hasDied] = [0, false]
  const dieAt = (moment: Moment, call: number): void => {
    if (hasDied || death?.moment !== moment || death.atCall !== call) return
    hasDied = true
    estate.aws.functions[of].kill()
    throw new Error('nobody is there to be answered')
  }
  const ended = await runScenario(estate, scenario, {
    onCall: async ({ service, operation }, by) => {
      if (by === of) dieAt('before', calls.push(`${service} ${operation}`))
      return undefined
    },
    onAnswer: async (_, by) => {
      if (by === of) dieAt('after', ++answered)
    },
  })
  return { ended, calls, hasDied }
}

const told = (calls: readonly string[]): string => {
  const counts = new Map<string, number>()
  for (const call of calls) counts.set(call, (counts.get(call) ?? 0) + 1)
  return [...counts].map(([call, count]) => (count === 1 ? call : `${count} ${call}`)).join(', ')
}

/** Each run ends as the undisturbed one does. */
export const dieAtEachCall = async (
  estate: Estate,
  scenario: Scenario,
  at: readonly Moment[] = moments,
): Promise<void> => {
  const { name, of, leaves } = scenario
  const undisturbed = await runUntil(estate, scenario)
  console.log(`${name}: ${of} makes ${undisturbed.calls.length} calls: ${told(undisturbed.calls)}`)
  expect(undisturbed.calls).not.toEqual([])
  for (const pattern of leaves) expect(undisturbed.ended.join('\n')).toMatch(pattern)
  for (const moment of at) {
    for (let atCall = 1; ; atCall++) {
      const run = await runUntil(estate, scenario, { moment, atCall }).catch((error: unknown) => {
        throw new Error(`${name}, died ${moment} call ${atCall}: ${String(error)}`, { cause: error })
      })
      expect([moment, atCall, run.ended]).toEqual([moment, atCall, undisturbed.ended])
      if (run.hasDied) continue
      // Beyond its last: there are some more where what is looked at each quarter of an hour is.
      expect(run.calls).toHaveLength(atCall - 1)
      break
    }
  }
}
