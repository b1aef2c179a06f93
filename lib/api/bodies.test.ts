import { expect, it } from 'vitest'
import { isValidName } from '#lib/backupstore/names.ts'
import { StoreName } from './bodies.ts'

it.each([
  ['web', true],
  ['Web_1.2-3', true],
  ['0a', true],
  ['a'.repeat(200), true],
  ['a'.repeat(201), false],
  ['a', false],
  ['', false],
  ['..', false],
  ['.hidden', false],
  ['-a', false],
  ['a/b', false],
  ['a b', false],
  ['aä', false],
  ['aa\n', false],
])('takes %j for a name of a backupstore: %s, as the backupstore does', (name, isValid) => {
  expect(StoreName.safeParse(name).success).toBe(isValid)
  expect(isValidName(name)).toBe(isValid)
})
