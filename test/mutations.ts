/**
 * @module mutations: real bytes, damaged a little, for tests that look for crashes: fast-check finds and shrinks the damage.
 */
import * as fc from 'fast-check'

interface Damage {
  kind: 'cut' | 'insert' | 'overwrite' | 'delete' | 'flip' | 'copy'
  /** Where, as a share of the length. */
  at: number
  from: number
  bytes: Uint8Array
}

const damage = (insertions: readonly (string | Uint8Array)[]): fc.Arbitrary<Damage> =>
  fc.record({
    kind: fc.constantFrom('cut', 'insert', 'overwrite', 'delete', 'flip', 'copy'),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    from: fc.double({ min: 0, max: 1, noNaN: true }),
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 8 }),
      ...insertions.map((piece) => fc.constant<Uint8Array>(Buffer.from(piece))),
    ),
  })

const damaged = (source: Buffer, { kind, at: where, from, bytes }: Damage): Buffer => {
  const at = Math.floor(where * source.length)
  const [before, after] = [source.subarray(0, at), source.subarray(at)]
  switch (kind) {
    case 'cut':
      return before
    case 'insert':
      return Buffer.concat([before, bytes, after])
    case 'overwrite':
      return Buffer.concat([before, bytes, after.subarray(bytes.length)])
    case 'delete':
      return Buffer.concat([before, after.subarray(bytes.length)])
    case 'flip':
      return Buffer.concat([
        before,
        Uint8Array.of((after[0] ?? 0) ^ (1 << (bytes.length % 8))),
        after.subarray(1),
      ])
    case 'copy': {
      const start = Math.floor(from * source.length)
      return Buffer.concat([before, source.subarray(start, start + 64), after])
    }
    default:
      return kind satisfies never
  }
}

/** One of the sources, damaged one to four times; `insertions` are pieces that matter to the format. */
export const mutations = (
  sources: readonly Uint8Array[],
  insertions: readonly (string | Uint8Array)[] = [],
): fc.Arbitrary<Buffer> =>
  fc
    .tuple(fc.constantFrom(...sources), fc.array(damage(insertions), { minLength: 1, maxLength: 4 }))
    .map(([source, damages]) => damages.reduce(damaged, Buffer.from(source)))

/** What a hostile config might have. */
export const jsonInsertions = [
  'null',
  '""',
  '{}',
  '[]',
  '[[',
  '{"',
  '"a":',
  '0',
  '-1',
  '1e999',
  '9007199254740993',
  '9'.repeat(400),
  'true',
  ',',
  ':',
  '"',
  '\\',
  '\\u00',
  '\\ud800',
  '../',
  '\ufeff',
  '"__proto__":"x",',
  '"Size":',
  '"Blocks":[',
  '['.repeat(100),
  '{"a":'.repeat(100),
  'x'.repeat(10_000),
] as const
