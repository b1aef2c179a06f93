/**
 * The packaged template, by third parties and by checks of our own for what they miss; and faults put into it, so that it is known that
 * somebody finds them.
 */
import { hash } from 'node:crypto'
import { execFile } from 'node:child_process'
import { on } from 'node:events'
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual, promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { WorkerReply } from '#lib/backup/block-messages.ts'
import { compressBlock } from '#lib/backupstore/block.ts'
import { checksumOf } from '#lib/backupstore/checksum.ts'
import { KiB } from '#lib/base/sizes.ts'
import { boundsFaults } from './bounds-faults.ts'
import { dataFaults } from './data-faults.ts'
import { everything, formerKeys } from './everything.ts'
import { awsValidator, lintFindings } from './judges.ts'
import {
  bundleFolder,
  packageAnew,
  packagedTemplate,
  packageFolder,
  plain,
  templatePath,
  type Template,
} from './packaged-template.ts'
import { policyFaults } from './policy-faults.ts'
import { policyMutations } from './policy-mutations.ts'
import { reachFaults, type Given } from './reach-faults.ts'
import { account, region, resolvedStack, type ResolvedStack } from './resolved-stack.ts'
import { watchingFaults } from './watching-faults.ts'
import { ofType, wiringFaults } from './wiring-faults.ts'
import { patternsOf } from './patterns.ts'
import { mutations } from './template-mutations.ts'
import { watchingMutations } from './watching-mutations.ts'

const stackName = 'our-drover'

const given: Given = {
  keyArn: `arn:aws:kms:${region}:${account}:key/${stackName}-Key`,
  formerKeys,
  targetRoleArn: everything.TargetRoleArns,
}

let template: Template
let validator: ReturnType<typeof awsValidator>
let folder: string

const resolved = (parameters: Record<string, string> = {}, of = template): ResolvedStack =>
  resolvedStack(of, { stackName, parameters: { ArtifactsBucket: 'artifacts', ...parameters } })

const faultsOf = async (judged: Template): Promise<string[]> => {
  const stack = resolvedStack(judged, { stackName, parameters: everything })
  const buckets = [`${stackName}-Bucket`, 'second', 'third']
  return [
    ...wiringFaults(stack, buckets, patternsOf(stackName)),
    ...(await policyFaults(stack)),
    ...(await reachFaults(stack, given)),
    ...watchingFaults(stack),
    ...dataFaults(stack, formerKeys),
    ...boundsFaults(stack, { logDays: '90', tracing: 'Active' }),
    ...boundsFaults(resolved({}, judged), { logDays: '30', tracing: 'PassThrough' }),
  ]
}

beforeAll(async () => {
  template = await packagedTemplate()
  validator = awsValidator()
  folder = await mkdtemp(join(tmpdir(), 'drover-template-'))
})
afterAll(async () => {
  validator.close()
  await rm(folder, { recursive: true })
})

describe('the packaged template', () => {
  it('is judged well by cfn-lint', () => {
    expect(lintFindings([templatePath])[templatePath]).toEqual([])
  })

  it("is judged well by AWS's validator", () => {
    expect(validator.findings(templatePath)).toEqual([])
  })

  it('has none of the faults that both miss', async () => {
    expect(await faultsOf(template)).toEqual([])
  })

  it('resolves with its defaults, without key, alarms, dashboard and traces', () => {
    const { resources } = resolved()
    const left = Object.keys(template.Resources).filter((id) => !(id in resources))
    expect(left.toSorted()).toEqual([
      'AlarmTopic',
      'Dashboard',
      'FormerKeyUse',
      'Key',
      'KeyUse',
      'ReachesTargets',
    ])
  })

  it('names functions by a stack as long as its description says, and no longer', () => {
    const longest = Number(/at most (\d+) characters/.exec(template.Description)?.[1])
    const lengths = ofType(resolved(), 'AWS::Lambda::Function').map(
      ([, { Properties }]) => plain(Properties['FunctionName']).length - stackName.length + longest,
    )
    expect(Math.max(...lengths)).toBe(64)
  })

  it('makes no bucket where there is one, and listens to it', () => {
    const stack = resolved({ ExistingBucket: 'mine' })
    expect(ofType(stack, 'AWS::S3::Bucket')).toEqual([])
    expect(stack.outputs['BucketName']).toBe('mine')
    const [, objects] = ofType(stack, 'AWS::Events::Rule').find(([, { Properties }]) =>
      plain(Properties['Name']).endsWith('-objects'),
    ) ?? ['', undefined]
    expect(objects?.Properties['EventPattern']).toEqual(patternsOf(stackName).objects(['mine']))
  })

  it("lets roles reach a bucket and a key that are not the stack's, and no others", async () => {
    const keyArn = `arn:aws:kms:${region}:${account}:key/0a1b`
    const stack = resolved({ ...everything, ExistingBucket: 'mine', EncryptionKey: keyArn })
    expect(await reachFaults(stack, { ...given, keyArn })).toEqual([])
  })

  it('tells of all objects through EventBridge where that is wanted', () => {
    const { Properties } = resolved({ ObjectEvents: 'eventbridge' }).resources['Bucket'] ?? {}
    expect(Properties?.['NotificationConfiguration']).toEqual({
      EventBridgeConfiguration: { EventBridgeEnabled: true },
    })
  })

  it('keeps nothing that was deleted where that is not wanted', () => {
    const { Properties } = resolved({ KeepDeletedDays: '0' }).resources['Bucket'] ?? {}
    expect(Properties?.['VersioningConfiguration']).toBe(undefined)
  })

  it('asks for all parameters in groups, with a label each', () => {
    const about = template.Metadata['AWS::CloudFormation::Interface'] as unknown as {
      ParameterGroups: { Parameters: string[] }[]
      ParameterLabels: Record<string, unknown>
    }
    const names = Object.keys(template.Parameters).toSorted()
    expect(about.ParameterGroups.flatMap(({ Parameters }) => Parameters).toSorted()).toEqual(names)
    expect(Object.keys(about.ParameterLabels).toSorted()).toEqual(names)
  })

  it('sets what a function reads of its environment, and nothing else', async () => {
    for (const [, { Properties }] of ofType(resolved(), 'AWS::Lambda::Function')) {
      const name = plain(Properties['FunctionName']).slice(stackName.length + 1)
      const { Variables } = Properties['Environment'] as { Variables: Record<string, unknown> }
      const bundle = await readFile(join(bundleFolder, `${name}.mjs`), 'utf8')
      const read = new Set(bundle.match(/\bDROVER_[A-Z_]+\b/g))
      // Their operations are for nodes: they never ask for the worker's queue, which is only chosen from the same place.
      if (name === 'run-recurring-job' || name === 'record-report') read.delete('DROVER_WORKER_QUEUE_URL')
      expect([name, ...Object.keys(Variables).toSorted()]).toEqual([name, ...[...read].toSorted()])
    }
  })

  it('points each function at its zip, which is there, and holds what it names', async () => {
    const files = new Set(await readdir(packageFolder))
    for (const [, { Properties }] of ofType(resolved({ ArtifactsPrefix: 'v1/' }), 'AWS::Lambda::Function')) {
      const { S3Bucket, S3Key } = Properties['Code'] as { S3Bucket: string; S3Key: string }
      const name = S3Key.slice('v1/'.length)
      expect([S3Bucket, files.has(name)]).toEqual(['artifacts', true])
      const zip = await readFile(join(packageFolder, name))
      expect(zip.includes(`${plain(Properties['Handler']).replace('.handler', '')}.mjs`)).toBe(true)
      expect(zip.includes('.map')).toBe(false)
      expect(zip.length).toBeLessThanOrEqual(1024 * 1024)
    }
  })

  it('is small enough for CloudFormation, and the same when made again', async () => {
    const made = async () =>
      Promise.all(
        (await readdir(packageFolder)).map(async (name) => [
          name,
          hash('sha256', await readFile(join(packageFolder, name))),
        ]),
      )
    const before = await made()
    await packageAnew()
    expect(await made()).toEqual(before)
    expect((await stat(templatePath)).size).toBeLessThan(1_000_000)
  })
})

const runNode = promisify(execFile)

describe('the bundles', () => {
  it('start with the environment that the template sets, and nothing beside them', async () => {
    const bundles = join(folder, 'task')
    await cp(bundleFolder, bundles, { recursive: true })
    for (const [, { Properties }] of ofType(resolved(), 'AWS::Lambda::Function')) {
      const { Variables } = Properties['Environment'] as { Variables: Record<string, string> }
      const file = `${plain(Properties['Handler']).replace('dist/functions/', '').replace('.handler', '')}.mjs`
      const script = `console.log(typeof (await import('./${file}')).handler)`
      const args = ['--input-type=module', '--eval', script]
      const env = { ...Variables, AWS_REGION: region, AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' }
      const { stdout, stderr } = await runNode(process.execPath, args, { cwd: bundles, env })
      expect([file, stdout, stderr]).toEqual([file, 'function\n', ''])
    }
  })

  it('carry the thread that opens blocks, where the function that starts it looks for it', async () => {
    const main = await readFile(join(bundleFolder, 'perform-operation.mjs'), 'utf8')
    expect(main).toContain('"./block-worker.mjs"')
    const content = Buffer.alloc(64 * KiB, 'drover')
    const bytes = compressBlock(content, 'lz4')
    const block = {
      bytes,
      method: 'lz4',
      blockSizeBytes: content.length,
      checksum: checksumOf(content),
      key: 'x',
    }
    const thread = new Worker(join(bundleFolder, 'block-worker.mjs'))
    const answers = on(thread, 'message')
    for (const checksum of [block.checksum, checksumOf(Buffer.alloc(1))])
      thread.postMessage({ kind: 'check', block: { ...block, checksum } }, [])
    const kinds: string[] = []
    for await (const [{ kind }] of answers as AsyncIterable<[WorkerReply]>) if (kinds.push(kind) === 2) break
    await thread.terminate()
    expect(kinds).toEqual(['done', 'failed'])
  })
})

const faultsOrThrown = async (mutant: Template): Promise<string[]> => {
  try {
    return await faultsOf(mutant)
  } catch (error) {
    return [String(error)]
  }
}

describe('a fault put into the template', () => {
  it('is found by the one that is to find it', async () => {
    const mutants: { what: string; by: string; mutant: Template; path: string }[] = []
    const all = [...mutations, ...policyMutations, ...watchingMutations]
    for (const [index, [what, by, change]] of all.entries()) {
      const mutant = structuredClone(template)
      change(mutant)
      if (isDeepStrictEqual(mutant, template)) throw new Error(`${what}: not put into it`)
      const path = join(folder, `${index}.json`)
      await writeFile(path, JSON.stringify(mutant))
      mutants.push({ what, by, mutant, path })
    }
    const lint = lintFindings(mutants.filter(({ by }) => by === 'cfn-lint').map(({ path }) => path))
    const unfound: string[] = []
    for (const { what, by, mutant, path } of mutants) {
      const found =
        by === 'ours'
          ? await faultsOrThrown(mutant)
          : by === 'cfn-lint'
            ? (lint[path] ?? [])
            : validator.findings(path)
      if (found.length === 0) unfound.push(what)
    }
    expect(unfound).toEqual([])
  })
})
