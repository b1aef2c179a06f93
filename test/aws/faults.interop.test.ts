/** The packaged functions where no call of AWS, whichever it is, succeeds the first time. */
import { afterAll, beforeAll, describe, it } from 'vitest'
import { conflicting, failing, unprocessed } from './faults.ts'
import { startLocalAws, type LocalAws } from './local-aws.ts'
import { sameEnds, type SameEnds } from './same-ends.ts'
import { makeEstate } from './small-estate.ts'

describe('functions whose calls fail the first time', () => {
  let aws: LocalAws
  let ends: SameEnds

  beforeAll(async () => {
    aws = await startLocalAws()
    ends = await sameEnds(await makeEstate(aws))
  })
  afterAll(() => aws?.stop())

  it('end the same where each is answered by a 500', () => ends.expectWith(() => failing))
  it('end the same where writes conflict with transactions', () => ends.expectWith(() => conflicting))
  it('end the same where nothing of a batch is read', () => ends.expectWith(() => unprocessed))
  it('end the same where each is done, and its answer lost', () => ends.expectWithLostAnswers())
})
