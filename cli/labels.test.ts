import { describe, expect, it } from 'vitest'
import { parseBackupLabels, parseLabels } from './labels.ts'

const accessMode = 'longhorn.io/volume-access-mode'

describe('parseBackupLabels', () => {
  it('adds the access mode, without which Longhorn makes no standby volume', () => {
    expect(parseBackupLabels([])).toEqual({ [accessMode]: 'rwo' })
  })

  it('keeps an access mode that was given', () => {
    expect(parseBackupLabels([`${accessMode}=rwx`])).toEqual({ [accessMode]: 'rwx' })
  })
})

describe('parseLabels', () => {
  it('splits at the first equals sign', () => {
    expect(parseLabels(['query=a=b', 'example.com/team=shop'])).toEqual({
      query: 'a=b',
      'example.com/team': 'shop',
    })
  })

  it('takes keys of the longest length', () => {
    expect(parseLabels([`${'a'.repeat(63)}=x`])).toHaveProperty('a'.repeat(63), 'x')
  })

  it.each([
    ['team', 'has no value'],
    ['team=', 'has no value'],
    ['=shop', 'invalid key'],
    ['-team=shop', 'invalid key'],
    ['team_=shop', 'invalid key'],
    ['a b=shop', 'invalid key'],
    ['a/b/c=shop', 'invalid key'],
    ['/team=shop', 'invalid key'],
    ['Example.com/team=shop', 'invalid key'],
    ['example..com/team=shop', 'invalid key'],
    [`${'a'.repeat(64)}=x`, 'invalid key'],
    ['__proto__=x', 'invalid key'],
    ['KubernetesStatus={}', 'Longhorn keeps for itself'],
    ['ranchervm-base-image=x', 'Longhorn keeps for itself'],
    ['volume-encrypted=enabled', 'Longhorn keeps for itself'],
  ])('refuses %s', (text, reason) => {
    expect(() => parseLabels([text])).toThrow(reason)
  })

  it('refuses a key that is given twice', () => {
    expect(() => parseLabels(['team=a', 'team=b'])).toThrow('given before')
  })
})
