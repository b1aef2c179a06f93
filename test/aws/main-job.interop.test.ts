/**
 * The main job on the packaged functions: job → rule → tick → command → agent → bucket → object event → catalog → restore.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OperationView } from '#lib/api/views.ts'
import { systemClock } from '#lib/base/clock.ts'
import { gathered } from '#lib/base/gathered.ts'
import { MiB } from '#lib/base/sizes.ts'
import { noPools } from '#test/pool-file-system.ts'
import { startLocalAws, type LocalAws } from './local-aws.ts'
import { startLocalNode, type LocalNode } from './local-nodes.ts'

const reason = noPools()
if (reason) console.log(`skipped: the main job on packaged functions: ${reason}`)

const until = async <T>(what: string, look: () => Promise<T | undefined>): Promise<T> => {
  for (const untilMs = Date.now() + 60_000; Date.now() < untilMs;) {
    const found = await look()
    if (found !== undefined) return found
    await systemClock.sleep(50)
  }
  throw new Error(`waited too long for ${what}`)
}

describe.skipIf(reason !== undefined)('the main job on packaged functions', () => {
  let top: string
  let aws: LocalAws
  const nodes: LocalNode[] = []

  beforeAll(async () => {
    top = await mkdtemp(join(tmpdir(), 'drover-aws-'))
    aws = await startLocalAws()
    process.env['AWS_ENDPOINT_URL_S3'] = aws.s3Url
    for (const cluster of ['primary', 'standby']) nodes.push(await startLocalNode(aws, { cluster, top }))
  })
  afterAll(async () => {
    for (const node of nodes) await node.stop()
    await aws?.stop()
    await rm(top, { recursive: true, force: true })
  })

  const done = async (asked: Promise<OperationView>): Promise<OperationView> => {
    const { id } = await asked
    const ended = await until(`the end of ${id}`, async () => {
      const operation = await aws.client.operations.show(id)
      return operation.endedAt === null ? undefined : operation
    })
    expect(ended).toMatchObject({ state: 'succeeded', failure: null })
    return ended
  }
  const write = async (path: string, bytes: Uint8Array, at: number) => {
    await using file = await open(path, 'r+')
    await file.write(bytes, 0, bytes.length, at)
    await file.sync()
  }
  const backups = async () => (await gathered(aws.client.backups.list('s3', 'web'))).map(({ name }) => name)

  it('runs as on AWS, and its backup is restored in another cluster', async () => {
    const { client } = aws
    await client.targets.create({ name: 's3', url: `s3://${aws.bucket}@us-east-1/`, credential: null })
    await client.settings.put('default-backup-target', 's3')
    await client.jobs.put('hourly', { task: 'backup', cron: '0 * * * *', retain: 1, groups: ['default'] })
    await done(client.volumes.create({ cluster: 'primary', name: 'web', sizeBytes: 16 * MiB }))
    await done(client.volumes.attach('primary', 'web'))
    const { path, backupVolume } = await client.volumes.show('primary', 'web')
    if (path === null) throw new Error('no device')
    const content: Buffer[] = []
    for (const hour of [1, 2, 3]) {
      await write(path, randomBytes(3 * MiB), hour * MiB)
      const minute = new Date(`2026-11-23T0${hour}:00:00Z`)
      await aws.tick(minute)
      const { operationId } = await until('the run', async () => {
        const runs = await gathered(client.jobs.runs('hourly'))
        return runs.find((run) => run.minute === minute.toISOString())?.outcomes[0]
      })
      await done(client.operations.show(operationId ?? ''))
      content.push(await readFile(path))
    }
    await until('retention', async () => ((await backups()).length === 1 ? true : undefined))
    const [backup = ''] = await backups()
    await done(
      client.backups.restore({
        target: 's3',
        backupVolume: backupVolume ?? '',
        backup,
        cluster: 'standby',
        volume: 'copy',
      }),
    )
    const { stdout } = await promisify(execFile)('find', [
      nodes[1]?.pool ?? '',
      '-name',
      'volume.img',
      '-path',
      '*copy*',
    ])
    expect(
      (await readFile(stdout.trim().split('\n')[0] ?? '')).equals(content.at(-1) ?? Buffer.alloc(0)),
    ).toBe(true)
  })
})
