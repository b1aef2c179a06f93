import { afterAll, beforeAll, describe } from 'vitest'
import { makePoolFileSystem, noPools, type PoolFileSystem } from '#test/pool-file-system.ts'
import { xfsDriver } from './xfs-driver.ts'
import { linuxHost } from './linux-host.ts'
import { poolDriverContract } from './pool-driver.contract.ts'
import { poolContract } from './pool.contract.ts'

const reason = noPools()
if (reason !== undefined) console.log(`xfs pool: skipped, ${reason}`)

describe.skipIf(reason !== undefined)('xfs', () => {
  let fileSystem: PoolFileSystem
  beforeAll(() => {
    fileSystem = makePoolFileSystem('xfs')
  })
  afterAll(() => fileSystem.close())

  const folder = () => fileSystem.folder
  poolDriverContract('xfs', { driver: xfsDriver(linuxHost(), 'pool-1'), folder })
  poolContract('xfs pool', { kind: 'xfs', folder, hasDevices: true })
})
