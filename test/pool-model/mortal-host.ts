/**
 * @module mortal-host: a host on which the process dies at a chosen call: that call and all later ones fail, as if nobody were
 * there to make them.
 */
import { rm, stat, truncate, writeFile } from 'node:fs/promises'
import { imageOf } from '#lib/volume/pool-driver.ts'
import type { Host } from '#lib/volume/host.ts'

export const moments = ['before', 'during', 'after'] as const

export interface Death {
  /** From 1. */
  call: number
  when: (typeof moments)[number]
}

export interface MortalHost extends Host {
  /** From the next call on; `undefined`: it lives. */
  arm(death: Death | undefined): void
  isDead(): boolean
}

const halve = async (path: string): Promise<void> => truncate(path, Math.floor((await stat(path)).size / 2))

/** What a call leaves that was cut short. What is not named here is done wholly or not at all: here not at all. */
const halfDone = (host: Host): Partial<Host> => ({
  makeFile: (path) => writeFile(path, ''),
  cloneFile: async (from, to) => {
    await host.cloneFile(from, to)
    await halve(to)
  },
  run: async (program, args) => {
    if (program !== 'cp') return ''
    const said = await host.run(program, args)
    await halve(args.at(-1) ?? '')
    return said
  },
  removeTree: (path) => rm(imageOf(path), { force: true }),
  writeRecord: (path, text) => writeFile(`${path}.tmp`, text.slice(0, text.length / 2)),
})

type AtCall = <Args extends unknown[], T>(
  method: keyof Host,
  whole: (...args: Args) => Promise<T>,
  half?: (...args: Args) => Promise<T>,
) => (...args: Args) => Promise<T>

/** A host whose calls are made through `at`. */
export const hostThrough = (host: Host, at: AtCall, cut: Partial<Host> = {}): Host => ({
  ask: at('ask', host.ask),
  run: at('run', host.run, cut.run),
  startWatchdog: at('startWatchdog', host.startWatchdog),
  makeFolder: at('makeFolder', host.makeFolder),
  removeTree: at('removeTree', host.removeTree, cut.removeTree),
  makeFile: at('makeFile', host.makeFile, cut.makeFile),
  resizeFile: at('resizeFile', host.resizeFile),
  cloneFile: at('cloneFile', host.cloneFile, cut.cloneFile),
  sync: at('sync', host.sync),
  setMode: at('setMode', host.setMode),
  writeRecord: at('writeRecord', host.writeRecord, cut.writeRecord),
})

/** `tell` hears at which call it died. */
export const mortalHost = (host: Host, tell: (method: keyof Host, death: Death) => void): MortalHost => {
  let death: Death | undefined
  let calls = 0
  let isDead = false

  const at: AtCall =
    (method, whole, half) =>
    async (...args) => {
      if (isDead) throw new Error('the process is dead')
      calls += 1
      if (calls !== death?.call) return whole(...args)
      if (death.when === 'during') await half?.(...args)
      if (death.when === 'after') await whole(...args)
      isDead = true
      tell(method, death)
      throw new Error(`the process dies ${death.when} ${method}`)
    }
  return {
    ...hostThrough(host, at, halfDone(host)),
    arm: (next) => {
      death = next
      calls = 0
    },
    isDead: () => isDead,
  }
}
