/**
 * @module each-call: has a function die at each of its calls, one by one: before the call goes on, or when the server has answered it and
 * the function does not know.
 */
import { expect } from 'vitest'
import type { AwsCall } from './aws-calls.ts'
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

const runUntil = async (
  estate: Estate,
  scenario: Scenario,
  { isMeant, death }: { isMeant: (call: AwsCall) => boolean; death?: Death },
): Promise<Run> => {
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
    onCall: async (call, by) => {
      if (by === of && isMeant(call)) dieAt('before', calls.push(`${call.service} ${call.operation}`))
      return undefined
    },
    onAnswer: async (call, by) => {
      if (by === of && isMeant(call)) dieAt('after', ++answered)
    },
  })
  return { ended, calls, hasDied }
}

const told = (calls: readonly string[]): string => {
  const counts = new Map<string, number>()
  for (const call of calls) counts.set(call, (counts.get(call) ?? 0) + 1)
  return [...counts].map(([call, count]) => (count === 1 ? call : `${count} ${call}`)).join(', ')
}

export interface Deaths {
  at?: readonly Moment[]
  /** Left out: each. */
  isMeant?: (call: AwsCall) => boolean
}

const readings = /^(Get|BatchGet|Head|List|Query)/

/**
 * What takes a fraction of the time: who dies before a call, or after one that only reads, leaves what he would have left after the last
 * one that writes.
 */
export const afterWritings: Deaths = { at: ['after'], isMeant: ({ operation }) => !readings.test(operation) }

/** Each run ends as the undisturbed one does. */
export const dieAtEachCall = async (
  estate: Estate,
  scenario: Scenario,
  { at = moments, isMeant = () => true }: Deaths = {},
): Promise<void> => {
  const { name, of, leaves } = scenario
  const undisturbed = await runUntil(estate, scenario, { isMeant })
  console.log(`${name}: ${of} makes ${undisturbed.calls.length} calls: ${told(undisturbed.calls)}`)
  expect(undisturbed.calls).not.toEqual([])
  for (const pattern of leaves) expect(undisturbed.ended.join('\n')).toMatch(pattern)
  for (const moment of at) {
    for (let atCall = 1; ; atCall++) {
      const death = { moment, atCall }
      const run = await runUntil(estate, scenario, { isMeant, death }).catch((error: unknown) => {
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
