import { afterAll, beforeAll, describe } from 'vitest'
import { makePoolFileSystem, noPools, type PoolFileSystem } from '#test/pool-file-system.ts'
import { btrfsDriver } from './btrfs-driver.ts'
import { linuxHost } from './linux-host.ts'
import { poolDriverContract } from './pool-driver.contract.ts'
import { poolContract } from './pool.contract.ts'

const reason = noPools()
if (reason !== undefined) console.log(`btrfs pool: skipped, ${reason}`)

describe.skipIf(reason !== undefined)('btrfs', () => {
  let fileSystem: PoolFileSystem
  beforeAll(() => {
    fileSystem = makePoolFileSystem('btrfs')
  })
  afterAll(() => fileSystem.close())

  const folder = () => fileSystem.folder
  poolDriverContract('btrfs', { driver: btrfsDriver(linuxHost()), folder })
  poolContract('btrfs pool', { kind: 'btrfs', folder, hasDevices: true })
})
