/** The packaged functions where each call of AWS, whichever it is, is throttled the first time. The SDK waits up to a second after each. */
import { afterAll, beforeAll, describe, it } from 'vitest'
import { throttling } from './faults.ts'
import { startLocalAws, type LocalAws } from './local-aws.ts'
import { sameEnds, type SameEnds } from './same-ends.ts'
import { makeEstate } from './small-estate.ts'

describe('functions whose calls are throttled', () => {
  let aws: LocalAws
  let ends: SameEnds

  beforeAll(async () => {
    aws = await startLocalAws()
    ends = await sameEnds(await makeEstate(aws))
  })
  afterAll(() => aws?.stop())

  it('end the same', () => ends.expectWith(throttling))
})
