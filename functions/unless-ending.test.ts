import { describe, expect, it } from 'vitest'
import { unlessEnding } from './unless-ending.ts'

const never = () => new Promise<never>(() => {})

describe('work that may take longer than there is time for', () => {
  it('is waited for, also when it fails', async () => {
    const { signal } = new AbortController()
    expect(await unlessEnding(signal, async () => 'done')).toBe('done')
    await expect(unlessEnding(signal, () => Promise.reject(new Error('no such bucket')))).rejects.toThrow(
      'no such bucket',
    )
  })

  it('is left when time is up, and not begun after', async () => {
    const ending = new AbortController()
    const working = unlessEnding(ending.signal, never)
    ending.abort()
    await expect(working).rejects.toMatchObject({ code: 'incomplete' })
    let isBegun = false
    const late = unlessEnding(ending.signal, async () => {
      isBegun = true
    })
    await expect(late).rejects.toMatchObject({ code: 'incomplete' })
    expect(isBegun).toBe(false)
  })
})
