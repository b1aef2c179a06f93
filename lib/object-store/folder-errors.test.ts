import { describe, expect, it } from 'vitest'
import { folderError } from './folder-errors.ts'
import { ObjectStoreError } from './object-store.ts'

const errnoError = (code: string) => Object.assign(new Error(`${code}: it failed, write`), { code })

describe('errors of a folder', () => {
  it.each([
    { errno: 'ENOSPC', code: 'no-space' },
    { errno: 'EDQUOT', code: 'no-space' },
    { errno: 'EACCES', code: 'access-denied' },
    { errno: 'EPERM', code: 'access-denied' },
    { errno: 'EROFS', code: 'access-denied' },
    { errno: 'ENAMETOOLONG', code: 'invalid-key' },
    { errno: 'ETIMEDOUT', code: 'unreachable' },
    { errno: 'EIO', code: 'failed' },
    { errno: 'ESTALE', code: 'failed' },
  ])('$errno is $code, and says on what', ({ errno, code }) => {
    const cause = errnoError(errno)
    const error = folderError('put of a in file:///b/', cause)
    expect(error).toBeInstanceOf(ObjectStoreError)
    expect(error).toMatchObject({ code, cause, message: `put of a in file:///b/: ${cause.message}` })
  })

  it.each([new ObjectStoreError('timeout', 'late'), new TypeError('a fault of ours'), 'a string'])(
    'leaves %s alone',
    (error) => {
      expect(folderError('put', error)).toBe(error)
    },
  )
})
