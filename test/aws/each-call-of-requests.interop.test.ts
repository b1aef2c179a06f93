/** The packaged API that dies at any of its calls of AWS: the request, made again, ends as if nothing had been. */
import { afterAll, beforeAll, describe, it } from 'vitest'
import { afterWritings, dieAtEachCall } from './each-call.ts'
import { startLocalAws, type LocalAws } from './local-aws.ts'
import { nodeRequestScenarios } from './node-request-scenarios.ts'
import { operationRequestScenarios } from './operation-request-scenarios.ts'
import { furtherRequestScenarios, requestScenarios } from './request-scenarios.ts'
import { makeEstate, type Estate } from './small-estate.ts'

describe('an API that dies at each of its calls', () => {
  let aws: LocalAws
  let estate: Estate

  beforeAll(async () => {
    aws = await startLocalAws()
    estate = await makeEstate(aws)
  })
  afterAll(() => aws?.stop())

  it.each(requestScenarios)('does what is asked for again: $name', (scenario) =>
    dieAtEachCall(estate, scenario),
  )
  it.each([...furtherRequestScenarios, ...operationRequestScenarios, ...nodeRequestScenarios])(
    'at each that writes does what is asked for again: $name',
    (scenario) => dieAtEachCall(estate, scenario, afterWritings),
  )
})
