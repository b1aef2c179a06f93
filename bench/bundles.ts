/**
 * @module bundles: how large the packaged functions are, and what Lambda waits for before it can call one: `npm run bench:bundles`.
 *
 * A cold `import()` is that of a fresh process, its own start left out, of a bundle that lies alone. The functions take turns, so that
 * what else the machine does falls on all of them. The limit is that of the time; what the processor took of it is told beside.
 */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, stat } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import Table from 'cli-table3'
import * as z from 'zod'
import { KiB, MiB } from '#lib/base/sizes.ts'
import { bundleFolder, packagedTemplate, packageFolder } from '#test/template/packaged-template.ts'
import { resolvedStack, type ResolvedStack } from '#test/template/resolved-stack.ts'

const runs = 7
const mostZipBytes = MiB
const mostImportMs = 250

interface PackagedFunction {
  name: string
  bundle: string
  bundleBytes: number
  zipBytes: number
  env: Record<string, string>
}

interface Import {
  ms: number
  cpuMs: number
}

const Properties = z.object({
  Handler: z.string(),
  Environment: z.object({ Variables: z.record(z.string(), z.string()) }),
  Code: z.object({ S3Key: z.string() }),
})

/** With the environment that the template gives each: they read it when they are imported. */
const functionsOf = (stack: ResolvedStack, folder: string): Promise<PackagedFunction[]> =>
  Promise.all(
    Object.values(stack.resources)
      .filter(({ Type }) => Type === 'AWS::Lambda::Function')
      .map(async (resource) => {
        const { Handler, Environment, Code } = Properties.parse(resource.Properties)
        const name = Handler.replace(/^.*\//, '').replace(/\.handler$/, '')
        const bundle = join(folder, 'functions', `${name}.mjs`)
        const [bundleBytes, zipBytes] = await Promise.all(
          [bundle, join(folder, 'package', Code.S3Key)].map(async (path) => (await stat(path)).size),
        )
        const env = { ...Environment.Variables, AWS_REGION: 'us-east-1' }
        return { name, bundle, bundleBytes: bundleBytes ?? 0, zipBytes: zipBytes ?? 0, env }
      }),
  )

const program = `
const [startedAt, before] = [performance.now(), process.cpuUsage()]
await import(process.argv[1])
const [ms, { user, system }] = [performance.now() - startedAt, process.cpuUsage(before)]
console.log(JSON.stringify({ ms, cpuMs: (user + system) / 1000 }))
process.exit(0)`

const coldImport = async ({ bundle, env }: PackagedFunction): Promise<Import> => {
  const args = ['--input-type=module', '--eval', program, '--', pathToFileURL(bundle).href]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env })
  return z.object({ ms: z.number(), cpuMs: z.number() }).parse(JSON.parse(stdout))
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const measure = async (functions: readonly PackagedFunction[]) => {
  const imports = new Map<string, Import[]>(functions.map(({ name }) => [name, []]))
  for (let run = 0; run < runs; run++)
    for (const each of functions) imports.get(each.name)?.push(await coldImport(each))
  return functions.map((each) => {
    const own = imports.get(each.name) ?? []
    return { ...each, ms: median(own.map(({ ms }) => ms)), cpuMs: median(own.map(({ cpuMs }) => cpuMs)) }
  })
}

const text = (measured: Awaited<ReturnType<typeof measure>>): string => {
  const head = ['function', 'bundle KiB', 'zip KiB', 'cold import ms', 'of it CPU ms']
  const table = new Table({
    head,
    colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
  })
  for (const { name, bundleBytes, zipBytes, ms, cpuMs } of measured)
    table.push([name, ...[bundleBytes / KiB, zipBytes / KiB, ms, cpuMs].map((value) => value.toFixed(0))])
  return table.toString()
}

await using opened = new AsyncDisposableStack()
const stackSettings = {
  stackName: 'drover',
  parameters: { ArtifactsBucket: 'artifacts', ExistingBucket: 'backups' },
}
const stack = resolvedStack(await packagedTemplate(), stackSettings)
const folder = await mkdtemp(join(tmpdir(), 'drover-bundles-'))
opened.defer(() => rm(folder, { recursive: true }))
await cp(bundleFolder, join(folder, 'functions'), { recursive: true })
await cp(packageFolder, join(folder, 'package'), { recursive: true })
const loadBefore = loadavg()[0] ?? 0
const measured = await measure(await functionsOf(stack, folder))
console.log(text(measured))
console.log(
  `medians of ${runs} on Node ${process.versions.node}; load average ${loadBefore.toFixed(1)} before`,
)
for (const { name, zipBytes, ms } of measured) {
  if (zipBytes > mostZipBytes) console.log(`${name}: its zip is larger than ${mostZipBytes / KiB} KiB`)
  if (ms > mostImportMs) console.log(`${name}: its import takes longer than ${mostImportMs} ms`)
}
process.exitCode = measured.every(({ zipBytes, ms }) => zipBytes <= mostZipBytes && ms <= mostImportMs)
  ? 0
  : 1
