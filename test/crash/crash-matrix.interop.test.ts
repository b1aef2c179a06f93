/**
 * The stores that crash-matrix.test.ts makes, read by the independent reader: each distinct one once.
 */
import { afterAll, describe, expect, it } from 'vitest'
import { hasIndependentReader } from '../independent-reader.ts'
import { independentReader, judge } from '../readers.ts'
import { stopAtEachCall } from './crash-matrix.ts'
import { crashOperations } from './crash-operations.ts'

const missing = hasIndependentReader()
if (missing !== undefined) console.log(`skipped: docs/restore-without-drover.sh, ${missing}`)

const independent = judge(independentReader)
let stops = 0
afterAll(() => {
  const { asked, made } = independent.readings()
  console.log(`${stops} stops, ${asked} backups restored without Drover from ${made} distinct stores`)
})

describe.skipIf(missing !== undefined)('stopped at each call, leaves what restores without Drover:', () => {
  it.each(crashOperations)('$name', async (operation) => {
    const matrix = await stopAtEachCall(operation, [independent])
    stops += matrix.stops
    expect(matrix.calls).toBeGreaterThan(operation.isReading ? 8 : 14)
  })
})
