/**
 * @module demo: what `npm start` shows: a disk image with real files is backed up, changed, backed up again, and restored, by
 * the drover commands that a user would type. e2fsck and a comparison of every file judge each restored image.
 */
import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { changeFiles, makeFiles } from './demo/sample-files.ts'
import { confirmImage, imageOf, type Expected } from './demo/confirm.ts'
import { changeImage, findExt4Tools, makeImage } from './demo/ext4-image.ts'
import { runDrover } from './demo/run-drover.ts'
import { say, step } from './demo/story.ts'

if (Number(process.versions.node.split('.')[0]) < 24) {
  console.error(`the demo needs Node 24, and this is ${process.version}: run "npm install", then "npm start"`)
  process.exit(1)
}

const imageBytes = 128 * 1024 * 1024
const url = (backup: string) => `./backups/?backup=${backup}&volume=demo`

const tellStory = async (folder: string): Promise<void> => {
  const tools = findExt4Tools()
  const drover = runDrover(folder)
  const confirm = (name: string, expected: Expected) => confirmImage(tools, join(folder, name), expected)
  const create = (name: string) =>
    drover(...'backup create --from disk.img --to ./backups/ --volume demo --name'.split(' '), name)
  const [files, disk] = [join(folder, 'files'), join(folder, 'disk.img')]

  const monday = await step('a disk: 128 MiB, ext4, with real files in it', async () => {
    await makeFiles(files)
    await mkdir(join(folder, 'backups'))
    await makeImage(tools, { path: disk, sizeBytes: imageBytes, folder: files })
    const { blocks } = await stat(disk)
    const expected = await imageOf(disk, files)
    say(
      `${expected.files.size} files, folders and links; ${Math.round((blocks * 512) / 1024 / 1024)} MiB of the image are in use`,
    )
    return expected
  })
  await step('the first backup: everything that is in use', () => create('monday'))
  const tuesday = await step('the disk changes in place: files written, replaced, removed', async () => {
    await changeImage(tools, disk, await changeFiles(files))
    return imageOf(disk, files)
  })
  await step('the second backup: only the blocks that changed', () => create('tuesday'))
  await step('what is there', () => drover('backup', 'list', './backups/', '--volume', 'demo'))
  await step('both are restored', async () => {
    await drover('restore', url('monday'), '--to', 'monday.img')
    await confirm('monday.img', monday)
    await drover('restore', url('tuesday'), '--to', 'tuesday.img')
    await confirm('tuesday.img', tuesday)
  })
  await step('the first is deleted; the second needs none of what goes', async () => {
    await drover('backup', 'delete', url('monday'))
    await drover('backup', 'verify', './backups/?volume=demo')
    await drover('restore', url('tuesday'), '--to', 'tuesday-again.img')
    await confirm('tuesday-again.img', tuesday)
  })
}

const main = async (): Promise<void> => {
  const { keep } = parseArgs({ options: { keep: { type: 'boolean', default: false } } }).values
  const folder = await mkdtemp(join(tmpdir(), 'drover-demo-'))
  const startedAt = performance.now()
  process.once('SIGINT', () => {
    if (!keep) rmSync(folder, { recursive: true, force: true })
    process.exit(130)
  })
  console.log(`in ${folder}${keep ? '' : ', removed at the end (npm start -- --keep keeps it)'}`)
  try {
    await tellStory(folder)
    console.log(`\nall of it is right; ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  } finally {
    if (!keep) await rm(folder, { recursive: true, force: true })
  }
}

await main().catch((error: unknown) => {
  console.error(`\ndemo failed: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
})
