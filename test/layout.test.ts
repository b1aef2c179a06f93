import { globSync, readFileSync, statSync } from 'node:fs'
import { join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')

/** What each capability of `lib` may import, besides itself. The only way is down. */
const mayImport: Record<string, readonly string[]> = {
  base: [],
  'object-store': ['base'],
  target: ['base', 'object-store'],
  backupstore: ['base', 'object-store'],
  volume: ['base'],
  backup: ['base', 'object-store', 'target', 'backupstore', 'volume'],
  operation: ['base'],
  perform: ['base', 'object-store', 'target', 'backupstore', 'volume', 'backup', 'operation'],
  installation: ['base'],
  catalog: ['base', 'operation'],
  'backup-index': ['base', 'object-store', 'target', 'backupstore', 'backup', 'operation', 'catalog'],
  schedule: ['base', 'operation', 'catalog'],
  jobs: ['base', 'operation', 'catalog', 'schedule'],
  api: [
    'base',
    'object-store',
    'target',
    'backupstore',
    'operation',
    'catalog',
    'backup-index',
    'schedule',
    'jobs',
  ],
}

/** Runtimes import `lib`; no runtime imports another. */
const runtimeMayImport: Record<string, readonly string[]> = {
  cli: [
    'base',
    'object-store',
    'target',
    'backupstore',
    'volume',
    'backup',
    'installation',
    'api',
    'scripts',
  ],
  agent: ['base', 'target', 'backup', 'volume', 'operation', 'perform', 'api', 'scripts'],
  functions: Object.keys(mayImport),
  standalone: [...Object.keys(mayImport), 'functions'],
}

const sources = globSync('{lib,cli,agent,functions,standalone,scripts,test,bench}/**/*.{ts,mjs}', {
  cwd: root,
}).map(normalize)
const isTest = (file: string) => /\.(test|contract)\.ts$/.test(file)
const importsOf = (file: string): string[] =>
  [...readFileSync(join(root, file), 'utf8').matchAll(/(?:from|import|import\()\s*'([^']+)'/g)].map(
    (match) => match[1] ?? '',
  )
/** The folder under `lib`, or the runtime, that an import leads to. */
const placeOf = (file: string, specifier: string): string | undefined => {
  const path = specifier.startsWith('#lib/')
    ? specifier.replace('#lib/', 'lib/')
    : specifier.startsWith('.')
      ? join(file, '..', specifier)
      : undefined
  return path?.startsWith('lib/') ? path.split('/')[1] : path?.split('/')[0]
}

describe('layout', () => {
  it('lets imports inside lib run one way', () => {
    const wrong = sources
      .filter((file) => file.startsWith('lib/') && !isTest(file))
      .flatMap((file) => {
        const own = file.split('/')[1] ?? ''
        const allowed = [own, ...(mayImport[own] ?? [])]
        return importsOf(file)
          .filter((specifier) => !allowed.includes(placeOf(file, specifier) ?? own))
          .map((specifier) => `${file} → ${specifier}`)
      })
    expect(wrong).toEqual([])
  })

  it('names every folder of lib in the table', () => {
    const folders = new Set(
      sources.filter((file) => file.startsWith('lib/')).map((file) => file.split('/')[1]),
    )
    expect(folders).toEqual(new Set(Object.keys(mayImport)))
  })

  it('lets runtimes import lib and nothing of each other', () => {
    const wrong = Object.entries(runtimeMayImport).flatMap(([runtime, allowed]) =>
      sources
        .filter((file) => file.startsWith(`${runtime}/`) && !isTest(file))
        .flatMap((file) =>
          importsOf(file).map((specifier) => ({ file, specifier, place: placeOf(file, specifier) })),
        )
        .filter(({ place }) => place !== undefined && place !== runtime && !allowed.includes(place))
        .map(({ file, specifier }) => `${file} → ${specifier}`),
    )
    expect(wrong).toEqual([])
  })

  it('keeps the AWS SDK, foreign functions and child processes in files that say so', () => {
    const named: [RegExp, RegExp][] = [
      [/^@aws-sdk\/|^@smithy\//, /\/(s3|dynamodb|sqs|sts|eventbridge|secrets-manager|cloudformation)-/],
      [/^koffi$/, /\/linux-/],
      [/^node:child_process$/, /\/linux-/],
    ]
    const wrong = sources
      .filter((file) => file.startsWith('lib/') && !isTest(file))
      .flatMap((file) =>
        importsOf(file)
          .filter((specifier) => named.some(([what, where]) => what.test(specifier) && !where.test(file)))
          .map((specifier) => `${file} → ${specifier}`),
      )
    expect(wrong).toEqual([])
  })

  it('has no default export, no drawer for leftovers, and no file of 600 lines', () => {
    const wrong = sources.filter(
      (file) =>
        /(^|\/)(utils?|helpers?|common|managers?|services?|types)(\/|\.ts$)/.test(file) ||
        /^export default/m.test(readFileSync(join(root, file), 'utf8')) ||
        readFileSync(join(root, file), 'utf8').split('\n').length >= 600 ||
        statSync(join(root, file)).size === 0,
    )
    expect(wrong).toEqual([])
  })
})
