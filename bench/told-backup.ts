/**
 * @module told-backup: an incremental backup that is told what changed, as a node with snapshots tells it: a process of its own, for
 * backup.ts. The CLI has no such option, since a wrong list would make a wrong backup.
 */
import { readFile } from 'node:fs/promises'
import * as z from 'zod'
import { blockWorkers } from '#lib/backup/block-workers.ts'
import { createBackup } from '#lib/backup/create-backup.ts'
import { fileSource } from '#lib/backup/file-source.ts'
import { systemClock } from '#lib/base/clock.ts'
import { randomIds } from '#lib/base/ids.ts'
import { silentLog } from '#lib/base/log.ts'
import { openTarget } from '#lib/target/open-target.ts'
import { parseTargetUrl } from '#lib/target/target-url.ts'

const [image = '', url = '', changes = ''] = process.argv.slice(2)
const offsets = z.array(z.number()).parse(JSON.parse(await readFile(changes, 'utf8')))

const workers = blockWorkers()
const source = await fileSource(image, workers)
const store = openTarget(parseTargetUrl(url), { env: { ...process.env } })
const deps = { store, clock: systemClock, ids: randomIds, log: silentLog }
await createBackup(deps)({
  volumeName: 'bench',
  source,
  backupName: 'third',
  labels: {},
  base: {
    backupName: 'second',
    changedBlocks: async (blockSizeBytes) =>
      Uint32Array.from(new Set(offsets.map((offset) => Math.floor(offset / blockSizeBytes)))).toSorted(),
  },
})
await source.close()
await workers.close()
