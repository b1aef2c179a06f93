// Bundles each function, and the thread it may start, into one file without dependencies: dist/functions/<function>.mjs.
import { readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..')

export const functionNames = [
  'run-recurring-job',
  'index-backup',
  'record-report',
  'reconcile',
  'perform-operation',
  'api',
]

const replaced = (path, text, from, to) => {
  if (text.includes(from)) return text.replace(from, () => to)
  throw new Error(`${path} has no ${from} any more: change what scripts/build-functions.mjs makes of it`)
}

/** Messages of schemas in 50 languages are a third of a bundle. */
const onlyEnglish = {
  name: 'only-english',
  setup: ({ onLoad }) => {
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js'",
    }))
  },
}

/** It reads its code from a file beside it, which a bundle has not got. */
const wasmInside = {
  name: 'wasm-inside',
  setup: ({ onLoad }) => {
    onLoad({ filter: /[\\/]lz4_wasm_nodejs\.js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      const code = await readFile(join(dirname(path), 'lz4_wasm_nodejs_bg.wasm'), 'base64')
      const read = "require('fs').readFileSync(path)"
      const noPath = replaced(path, text, /const path = .*\n/.exec(text)?.[0] ?? 'const path', '')
      return { contents: replaced(path, noPath, read, `Buffer.from('${code}', 'base64')`) }
    })
  },
}

/** The thread is started by its URL, which a bundle is not built for. */
const threadBeside = {
  name: 'thread-beside',
  setup: ({ onLoad }) => {
    onLoad({ filter: /[\\/]block-workers\.ts$/ }, async ({ path }) => ({
      contents: replaced(path, await readFile(path, 'utf8'), './block-worker.ts', './block-worker.mjs'),
      loader: 'ts',
    }))
  },
}

/**
 * An import of node:http reads all of its properties, of which one loads undici: a sixth of what a function takes to start. Required, it is
 * left alone.
 */
const httpRequired = {
  name: 'http-required',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^(node:)?https?$/ }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'http-required' } : undefined,
    )
    onLoad({ filter: /./, namespace: 'http-required' }, ({ path }) => ({
      contents: `module.exports = require('${path}')`,
    }))
  },
}

/** For packages that are not modules and ask for Node's own. */
const banner =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);"

export const buildFunctions = async () => {
  const folder = join(root, 'dist/functions')
  await rm(folder, { recursive: true, force: true })
  const entryPoints = [
    ...functionNames.map((name) => ({ in: join(root, `functions/aws/${name}.ts`), out: name })),
    { in: join(root, 'lib/backup/block-worker.ts'), out: 'block-worker' },
  ]
  await build({
    absWorkingDir: root,
    entryPoints,
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    mainFields: ['module', 'main'],
    minify: true,
    // Errors are told, and known, by their names.
    keepNames: true,
    // For people who look into an error; not deployed.
    sourcemap: 'external',
    legalComments: 'none',
    banner: { js: banner },
    plugins: [onlyEnglish, wasmInside, threadBeside, httpRequired],
    logLevel: 'warning',
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await buildFunctions()
