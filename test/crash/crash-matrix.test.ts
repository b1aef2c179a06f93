/**
 * Each operation on a volume of up to 8 blocks, stopped at each of its store calls. The independent reader looks at the same
 * stores in crash-matrix.interop.test.ts.
 */
import { afterAll, describe, expect, it } from 'vitest'
import { judge, ownReader } from '../readers.ts'
import { stopAtEachCall } from './crash-matrix.ts'
import { crashOperations } from './crash-operations.ts'

const own = judge(ownReader)
let stops = 0
afterAll(() => {
  const { asked, made } = own.readings()
  console.log(`${stops} stops, ${asked} backups restored from ${made} distinct stores`)
})

describe('stopped at each call, leaves every committed backup whole, and a second try ends well:', () => {
  it.each(crashOperations)('$name', async (operation) => {
    const matrix = await stopAtEachCall(operation, [own])
    stops += matrix.stops
    expect(matrix.calls).toBeGreaterThan(operation.isReading ? 8 : 14)
  })
})
