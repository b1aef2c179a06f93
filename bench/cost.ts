/**
 * @module cost: what AWS asks for in a month, in dollars: `npm run bench:cost`. The packaged functions and two agents run here on local servers;
 * their requests are counted by flow, and priced. What depends on the volume's size is scaled, explicitly (cost/month.ts).
 *
 * The case: a volume of 60 GiB, all in use, backed up each hour with 50 changed blocks, 24 backups kept; one standby; 30 days. It takes
 * root, Btrfs and the servers that `.ci/run` installs, and three minutes.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { GiB, MiB } from '#lib/base/sizes.ts'
import { functionNames, startLocalAws, type FunctionName, type LocalAws } from '#test/aws/local-aws.ts'
import { startLocalNode } from '#test/aws/local-nodes.ts'
import { noPools } from '#test/pool-file-system.ts'
import { plain } from '#test/template/packaged-template.ts'
import { measureFlows, type Flows } from './cost/flows.ts'
import { monthOf, type Case } from './cost/month.ts'
import { apartText, goalsOf, goalsText, pricesText, requestsText, monthText } from './cost/report.ts'
import { recordStack } from './cost/recorded-stack.ts'

const ofCase: Case = {
  days: 30,
  blocks: (60 * GiB) / (2 * MiB),
  changedBlocks: 50,
  backupsADay: 24,
  retain: 24,
  nodes: 2,
}

const memoryOf = ({ stack }: LocalAws): Record<FunctionName, number> => {
  const functions = Object.values(stack.resources).filter(({ Type }) => Type === 'AWS::Lambda::Function')
  const memory = functionNames.map((name) => {
    const found = functions.find(({ Properties }) => plain(Properties['FunctionName']).endsWith(`-${name}`))
    return [name, Number(found?.Properties['MemorySize'])] as const
  })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- has each name
  return Object.fromEntries(memory) as Record<FunctionName, number>
}

const measure = async (): Promise<Flows> => {
  await using opened = new AsyncDisposableStack()
  const top = await mkdtemp(join(tmpdir(), 'drover-cost-'))
  opened.defer(() => rm(top, { recursive: true }))
  const aws = await startLocalAws()
  opened.defer(() => aws.stop())
  process.env['AWS_ENDPOINT_URL_S3'] = aws.s3Url
  const recorded = recordStack(aws, { memoryMb: memoryOf(aws) })
  for (const cluster of ['primary', 'standby']) {
    const node = await startLocalNode(aws, { cluster, top })
    opened.defer(() => node.stop())
  }
  return await measureFlows(aws, recorded, ofCase)
}

const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
const reason = noPools()
if (reason) throw new Error(`this benchmark has a real agent: ${reason}`)
const flows = await measure()
const lines = monthOf(flows, ofCase)
const goals = goalsOf(lines)
if (options.json) console.log(JSON.stringify({ case: ofCase, lines, goals }, undefined, 2))
else
  console.log(
    [requestsText(flows), monthText(lines), apartText(ofCase), pricesText(), goalsText(goals)].join('\n\n'),
  )
process.exitCode = goals.every(({ isReached }) => isReached) ? 0 : 1
