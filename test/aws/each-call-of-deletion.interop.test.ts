/**
 * A deletion that dies at any of its calls of AWS, before it, with its lock in the store: the next goes on. Each try takes the 2 s of
 * the lock, so that the two moments of each call are two files.
 */
import { afterAll, beforeAll, describe, it } from 'vitest'
import { dieAtEachCall } from './each-call.ts'
import { startLocalAws, type LocalAws } from './local-aws.ts'
import { deletion } from './scenarios.ts'
import { makeEstate, type Estate } from './small-estate.ts'

describe('a deletion that dies before each of its calls', () => {
  let aws: LocalAws
  let estate: Estate

  beforeAll(async () => {
    aws = await startLocalAws()
    estate = await makeEstate(aws)
  })
  afterAll(() => aws?.stop())

  it('is followed by one that ends the same', () => dieAtEachCall(estate, deletion, { at: ['before'] }))
})
