/** A packaged function that dies at any of its calls of AWS: what comes next finishes what it left. */
import { afterAll, beforeAll, describe, it } from 'vitest'
import { afterWritings, dieAtEachCall } from './each-call.ts'
import { startLocalAws, type LocalAws } from './local-aws.ts'
import { collection, furtherScenarios, quickScenarios } from './scenarios.ts'
import { makeEstate, type Estate } from './small-estate.ts'

describe('a function that dies at each of its calls', () => {
  let aws: LocalAws
  let estate: Estate

  beforeAll(async () => {
    aws = await startLocalAws()
    estate = await makeEstate(aws)
  })
  afterAll(() => aws?.stop())

  it.each(quickScenarios)('is followed by one that ends the same: $name', (scenario) =>
    dieAtEachCall(estate, scenario),
  )
  it.each([...furtherScenarios, collection])(
    'at each that writes is followed by one that ends the same: $name',
    (scenario) => dieAtEachCall(estate, scenario, afterWritings),
  )
})
