/**
 * @module seeded-random: random numbers that are the same for the same seed, and quick.
 */

/** Spreads small seeds over all 32 bits: 2^32 over the golden ratio. */
const spread = 0x9e3779b1
const warmUp = 8

/** Numbers in [0, 1), by xorshift32 (Marsaglia, "Xorshift RNGs", https://doi.org/10.18637/jss.v008.i14). */
export const randomFrom = (seed: number): (() => number) => {
  let state = Math.imul(seed, spread) ^ spread || spread
  const next = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
  for (let step = 0; step < warmUp; step += 1) next()
  return next
}
