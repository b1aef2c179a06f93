import { afterAll, beforeAll, describe } from 'vitest'
import { makePoolFileSystem, noPools, type PoolFileSystem } from '#test/pool-file-system.ts'
import { copyDriver } from './copy-driver.ts'
import { linuxHost } from './linux-host.ts'
import { poolDriverContract } from './pool-driver.contract.ts'
import { poolContract } from './pool.contract.ts'

const reason = noPools()
if (reason !== undefined) console.log(`copy pool: skipped, ${reason}`)

describe.skipIf(reason !== undefined)('copy', () => {
  let fileSystem: PoolFileSystem
  beforeAll(() => {
    fileSystem = makePoolFileSystem('copy')
  })
  afterAll(() => fileSystem.close())

  const folder = () => fileSystem.folder
  poolDriverContract('copy', { driver: copyDriver(linuxHost(), 'pool-1'), folder })
  poolContract('copy pool', { kind: 'copy', folder, hasDevices: true })
})
