import { it } from 'vitest'
import { expectSameEnd } from './same-end.ts'

it('messages that are lost, doubled, delayed and reordered come to the same end, with a thousand seeds', () =>
  expectSameEnd(41, 1040))
