import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { poolContract } from './pool.contract.ts'

const top = mkdtempSync(join(tmpdir(), 'drover-copy-pool-'))
afterAll(() => rmSync(top, { recursive: true }))

poolContract('copy pool of files', { kind: 'copy', folder: () => top, hasDevices: false })
