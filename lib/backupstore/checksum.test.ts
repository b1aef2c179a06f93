import { describe, expect, it } from 'vitest'
import { checksumOf, isChecksum } from './checksum.ts'

const MiB = 1024 * 1024

// longhorn.md, appendix B: by Longhorn's own code.
describe('checksumOf', () => {
  it.each([
    ['', 'cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce'],
    ['vol1', '019ca538081e9df4a4e5928aaad97758d324061362aae1583241f2eb68d6caa7'],
    ['pvc-1', '7eedf508c892db38891f451d3233c21df0a2e921344c75bdd7b7b71471d5903a'],
    ['a1', '4f2430a7ae267fd4f37ed3f20b8c677c59dee284d45d1b062751c421c9d5e41e'],
    ['BACKINGIMAGE', '22fc313e8672e7fb849d1405fbcde2e5e399d376d6e1dea2c8673b702ef8e24b'],
    [
      'pvc-3f1c9a52-5e0b-4a7e-9d6f-0c2b7a1d8e44',
      '4cbdc7e234ee650200d10ceb65dd3770750a40d773bc9d3248f5061c6b347ff8',
    ],
  ])('of the name %j', (name, checksum) => {
    expect(checksumOf(name)).toBe(checksum)
    expect(checksumOf(Buffer.from(name))).toBe(checksum)
  })

  it.each([
    [2, 0x00, '731859029215873fdac1c9f2f8bd25a334abf0f3a9e1b057cf2cacc2826d86b0'],
    [2, 0x01, '417e836e280aef701556b6135ca4b690819f82b4cf82ead3b493b5bbc41174b9'],
    [2, 0x02, '0aeb8bd6f848c9c4909d3ff98a4e3f015ef1995021b7a8d486d4cde63e52ced9'],
    [2, 0x03, 'ea2b6876cbb92b5c2ada1452044be47e3b2411b3aac2a407b60ab186e6a1bf24'],
    [2, 0xff, '0714932cf07b86d176100b03d08fa77577f27358cde0a01e486f90d76937b339'],
    [16, 0x00, '7e208b53e5c541b23906ef8ed8f5e12e4f1b470fbd0d3e907b1fc0c0b8d78eb1'],
    [16, 0x01, '9529020bc23f067540869550f5637d964569b70f9dd63c168f744ed9864a3b48'],
  ])('of a block of %d MiB of %d', (sizeMiB, byte, checksum) => {
    expect(checksumOf(Buffer.alloc(sizeMiB * MiB, byte))).toBe(checksum)
  })
})

describe('isChecksum', () => {
  it('takes 64 lower-case hex digits and nothing else', () => {
    const checksum = checksumOf('')
    expect(isChecksum(checksum)).toBe(true)
    for (const text of [
      '',
      checksum.slice(1),
      `${checksum}0`,
      checksum.toUpperCase(),
      `${checksum}\n`,
      '../'.padEnd(64, '0'),
    ]) {
      expect(isChecksum(text)).toBe(false)
    }
  })
})
