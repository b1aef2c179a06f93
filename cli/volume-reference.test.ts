import { afterEach, describe, expect, it, vi } from 'vitest'
import { volumeReference } from './volume-reference.ts'

afterEach(() => vi.unstubAllEnvs())

describe('volumeReference', () => {
  it.each([
    ['web', {}, 'primary', 'web'],
    ['web', { cluster: 'standby' }, 'standby', 'web'],
    ['standby/web', {}, 'standby', 'web'],
    ['standby/web', { cluster: 'standby' }, 'standby', 'web'],
  ])('reads %s with %j', (text, options, cluster, volume) => {
    vi.stubEnv('DROVER_CLUSTER', '')
    expect(volumeReference(text, options)).toEqual({ cluster, volume })
  })

  it('takes the cluster of the environment', () => {
    vi.stubEnv('DROVER_CLUSTER', 'third')
    expect(volumeReference('web')).toEqual({ cluster: 'third', volume: 'web' })
    expect(volumeReference('standby/web')).toEqual({ cluster: 'standby', volume: 'web' })
  })

  it.each(['', '/', 'a/', '/b', 'a/b/c'])('refuses %j', (text) => {
    expect(() => volumeReference(text)).toThrow('names no volume')
  })
})
