import { describe, expect, it } from 'vitest'
import { ObjectStoreError, type ListPage, type ObjectStore } from '#lib/object-store/object-store.ts'
import { probeTarget } from './probe-target.ts'

/** A store that answers a listing with these pages, and notes what it was asked. */
const listing = (...pages: ListPage[]) => {
  const asked: unknown[] = []
  let pagesRead = 0
  const store: Pick<ObjectStore, 'list'> = {
    async *list(prefix, options) {
      asked.push([prefix, options])
      for (const page of pages) {
        pagesRead++
        yield page
      }
    },
  }
  return { store, asked, pagesRead: () => pagesRead }
}

const failing = (error: unknown): Pick<ObjectStore, 'list'> => ({
  // oxlint-disable-next-line require-yield -- fails before its first page
  async *list() {
    throw error
  },
})

const page = (...folders: string[]): ListPage => ({ objects: [], folders })

describe('probeTarget', () => {
  it('asks for one page of the backup volumes, with a deadline', async () => {
    const { store, asked, pagesRead } = listing(
      page('backupstore/volumes/01/'),
      page('backupstore/volumes/02/'),
    )
    expect(await probeTarget(store)).toEqual({ reachable: true, isEmpty: false })
    expect(asked).toEqual([['backupstore/volumes/', { delimiter: '/', deadlineMs: 15_000 }]])
    expect(pagesRead()).toBe(1)
  })

  it.each([[[]], [[page()]]])('calls a target without backup volumes empty: %j', async (pages) => {
    expect(await probeTarget(listing(...pages).store)).toEqual({ reachable: true, isEmpty: true })
  })

  it('gives the fault of a store as a value, with what to do', async () => {
    const error = new ObjectStoreError('access-denied', 'list of s3://bucket@us-east-1/: access denied')
    expect(await probeTarget(failing(error))).toEqual({
      reachable: false,
      code: 'access-denied',
      message: 'list of s3://bucket@us-east-1/: access denied',
      hint: expect.stringContaining('s3:ListBucket'),
      cause: error,
    })
  })

  it('prefers the hint of the store', async () => {
    const error = new ObjectStoreError('unreachable', 'no answer', { hint: 'ask the network' })
    expect(await probeTarget(failing(error))).toMatchObject({ code: 'unreachable', hint: 'ask the network' })
  })

  it('throws what no store says', async () => {
    await expect(probeTarget(failing(new TypeError('a defect')))).rejects.toThrow('a defect')
  })
})
