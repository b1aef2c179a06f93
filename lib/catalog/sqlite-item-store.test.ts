import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, describe, expect, it } from 'vitest'
import { itemStoreContract } from './item-store.contract.ts'
import { queryAll } from './item-store.ts'
import { sqliteItemStore } from './sqlite-item-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'drover-catalog-'))
let files = 0
const newPath = () => join(folder, `catalog-${++files}.db`)
afterAll(() => rmSync(folder, { recursive: true }))

itemStoreContract('sqlite', { open: async () => sqliteItemStore(':memory:') })

describe('sqlite', () => {
  it('has after a reopen what it had before', async () => {
    const path = newPath()
    const store = sqliteItemStore(path)
    await store.put({ key: { partition: 'a', sort: 'b' }, value: { kept: true } }, 'absent')
    store.close()
    const again = sqliteItemStore(path)
    expect((await again.get({ partition: 'a', sort: 'b' }))?.value).toEqual({ kept: true })
    again.close()
  })

  it('deletes what has expired when it sweeps', async () => {
    const store = sqliteItemStore(':memory:')
    const put = (sort: string, expiresAt?: number) =>
      store.put({ key: { partition: 'a', sort }, value: {}, ...(expiresAt && { expiresAt }) }, 'absent')
    await put('old', 1000)
    await put('young', 3000)
    await put('eternal')
    store.sweep(new Date(2000 * 1000))
    const { items } = await store.query({ partition: 'a' })
    expect(items.map(({ key }) => key.sort)).toEqual(['eternal', 'young'])
  })

  it('has every write that was answered when its process is killed', async () => {
    const path = newPath()
    const script = join(folder, 'writer.ts')
    const module = new URL('./sqlite-item-store.ts', import.meta.url).href
    writeFileSync(
      script,
      `import { sqliteItemStore } from ${JSON.stringify(module)}
       const store = sqliteItemStore(${JSON.stringify(path)})
       for (let n = 1; ; n++) {
         await store.put({ key: { partition: 'a', sort: String(n).padStart(9, '0') }, value: { n } }, 'absent')
         console.log(n)
       }`,
    )
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'ignore'] })
    const exited = once(child, 'exit')
    let answered = 0
    try {
      for await (const line of createInterface(child.stdout)) {
        answered = Number(line)
        if (answered === 300) break
      }
    } finally {
      child.kill('SIGKILL')
      await exited
    }
    expect(answered).toBe(300)
    const store = sqliteItemStore(path)
    let count = 0
    for await (const { value } of queryAll(store, { partition: 'a' })) expect(value.n).toBe(++count)
    expect(count).toBeGreaterThanOrEqual(answered)
    store.close()
  })
})
