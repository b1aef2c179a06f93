import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { askOn } from './terminal.ts'

const setUp = () => {
  const [stdin, stderr] = [new PassThrough(), new PassThrough()]
  const controller = new AbortController()
  const answer = askOn(stdin, stderr)('delete \u001b[2Jvolume web?', controller.signal)
  return { stdin, stderr, controller, answer }
}

describe('askOn', () => {
  it.each([
    ['y', true],
    ['YES', true],
    [' yes ', true],
    ['', false],
    ['n', false],
    ['yesterday', false],
  ])('takes %j for %s', async (text, isYes) => {
    const { stdin, answer } = setUp()
    stdin.write(`${text}\n`)
    expect(await answer).toBe(isYes)
  })

  it('shows the question, without escape sequences', async () => {
    const { stdin, stderr, answer } = setUp()
    stdin.write('n\n')
    await answer
    expect(String(stderr.read())).toBe('delete \\u001b[2Jvolume web? [y/N] ')
  })

  it('takes the end of input for a no', async () => {
    const { stdin, answer } = setUp()
    stdin.end()
    expect(await answer).toBe(false)
  })

  it('does not wait on after an interruption', async () => {
    const { controller, answer } = setUp()
    controller.abort()
    await expect(answer).rejects.toThrow('aborted')
  })
})
