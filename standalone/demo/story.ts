/**
 * @module story: how the demo tells what it does.
 */
let steps = 0

export const say = (text: string): void => {
  for (const line of text.trimEnd().split('\n')) console.log(line === '' ? '' : `   ${line}`)
}

/** A numbered step, and how long it took. */
export const step = async <T>(title: string, work: () => Promise<T>): Promise<T> => {
  console.log(`\n${++steps}. ${title}`)
  const startedAt = performance.now()
  const result = await work()
  say(`(${((performance.now() - startedAt) / 1000).toFixed(1)} s)`)
  return result
}
