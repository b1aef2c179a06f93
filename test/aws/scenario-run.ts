/**
 * @module scenario-run: one run of a scenario, from where all begin to its end, with whoever stands between the functions and AWS.
 */
import type { LocalAws } from './local-aws.ts'
import type { Scenario } from './scenarios.ts'
import type { Estate } from './small-estate.ts'

export type Between = Pick<LocalAws, 'onCall' | 'onAnswer'>

/** @returns what there is at its end. @throws Error: it came to none. */
export const runScenario = async (
  estate: Estate,
  { of, arrange }: Scenario,
  { onCall, onAnswer }: Between,
): Promise<string[]> => {
  const { aws, world } = estate
  await world.reset()
  const happen = await arrange(estate)
  // As it starts anew: what it asks for once in its life is asked for too.
  await aws.functions[of].stop()
  Object.assign(aws, { onCall, onAnswer })
  try {
    await happen()
  } finally {
    Object.assign(aws, { onCall: undefined, onAnswer: undefined })
  }
  return world.ended()
}
