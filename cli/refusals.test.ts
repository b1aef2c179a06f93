import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { drover } from '#test/drover-process.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-refusals-'))
  await mkdir(join(folder, 'backups'))
  await writeFile(join(folder, 'disk.img'), '')
  await truncate(join(folder, 'disk.img'), 4 * 1024 * 1024)
  await writeFile(join(folder, 'odd.img'), 'x'.repeat(3_000_000))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const create = (changed: Record<string, string>): string[] => {
  const options = { '--from': 'disk.img', '--to': './backups/', '--volume': 'web', ...changed }
  return ['backup', 'create', ...Object.entries(options).flat()]
}

/** Arguments, exit code, and what stderr must say. */
const refusals: [args: string[], code: number, ...says: string[]][] = [
  [create({ '--to': 's3://backups/web/' }), 2, 'names no region', 'hint: write s3://backups@<region>/web/'],
  [
    create({ '--to': 's3://backups@eu-central-1/web' }),
    2,
    'does not end with /',
    'hint: write s3://backups@eu-central-1/web/',
  ],
  [
    create({ '--to': 'ftp://host/' }),
    2,
    'unknown scheme',
    's3://<bucket>@<region>/<path>/ or file:///<folder>/',
  ],
  [create({ '--to': './mistyped/' }), 3, 'mistyped', 'mkdir'],
  [
    create({ '--from': 'odd.img' }),
    2,
    'odd.img has 3000000 bytes',
    'hint: the next size is 4194304 bytes; a file is made as large with: truncate -s 4194304 FILE',
  ],
  [create({ '--from': 'missing.img' }), 3, 'cannot read missing.img'],
  [create({ '--volume': 'Web' }), 2, 'invalid name "Web"', 'lower-case'],
  [create({ '--label': 'KubernetesStatus={}' }), 2, 'Longhorn keeps for itself'],
  [create({ '--block-size': '4Mi' }), 2, 'Allowed choices are 2Mi, 16Mi', 'see drover backup create --help'],
  [['restore', './backups/?backup=one&volume=web', '--to', 'new.img'], 3, 'volume web has no backup one'],
  [
    ['backup', 'delete', './backups/?backup=one&volume=web'],
    2,
    'deleting backup one of volume web throws data away, and nobody is there to ask',
    'hint: add --yes',
  ],
  [
    ['backup', 'delete', './backups/?volume=web', '--all-backups'],
    2,
    'deleting volume web with all its backups throws data away',
    'hint: add --yes',
  ],
  [
    ['backup', 'delete', './backups/?backup=one&volume=nothing', '--yes'],
    3,
    'there is no backup volume nothing',
  ],
  [['backup', 'verify', './backups/?backup=one'], 2, 'names no volume', 'put the URL in quotes'],
  [
    ['backup', 'create', '--to', './backups/', '--volume', 'web'],
    2,
    'neither --from nor --from-volume was given',
  ],
  [['backup', 'create', '--to', './backups/', '--from', 'disk.img'], 2, '--volume was not given'],
  [create({ '--from-volume': 'web' }), 2, 'cannot be used with', '--from-volume'],
  [create({ '--pool': 'pool' }), 2, 'cannot be used with', '--pool'],
  [['restore', './backups/?backup=one&volume=web'], 2, 'neither --to nor --to-volume was given'],
  [
    ['restore', './backups/?backup=one&volume=web', '--to-volume', 'web', '--from-backup', 'one'],
    2,
    'cannot be used with',
  ],
  [['pool', 'status'], 2, 'no pool was given', 'give --pool <folder>, or set', 'DROVER_POOL'],
  [['pool', 'status', '--pool', 'backups'], 3, 'is no pool of volumes', 'drover pool init'],
  [['pool', 'init', '.', '--kind', 'copy'], 2, 'is not empty'],
  [['pool', 'volume', 'create', 'web', '--pool', 'x', '--size', '20GiB'], 2, 'Write it as 20Gi'],
  [
    ['pool', 'volume', 'delete', 'web', '--pool', 'x'],
    2,
    'deleting volume web throws data away, and nobody is there to ask',
    'hint: add --yes',
  ],
  [['pool', 'snapshot', 'revert', 'web', 'monday', '--pool', 'x'], 2, 'reverting volume web', 'add --yes'],
  [
    ['backup', 'lsit', './backups/'],
    2,
    "unknown command 'lsit'",
    'Did you mean list? see drover backup --help',
  ],
]

describe.concurrent('drover refuses', () => {
  it.each(refusals)('%j', async (args, code, ...says) => {
    const ended = await drover(folder, args)
    expect(ended).toMatchObject({ code, stdout: '' })
    expect(ended.stderr).toMatch(/^drover: .*\n {2}hint: .*\n$/)
    for (const text of says) expect(ended.stderr).toContain(text)
  })

  it('half a pair of keys, by name and without its value', async () => {
    const { code, stderr } = await drover(
      folder,
      ['backup', 'list', 's3://backups@eu-central-1/', '--json'],
      {
        AWS_ACCESS_KEY_ID: 'AKIASECRETID',
      },
    )
    expect(code).toBe(2)
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: 'invalid-settings',
        message: expect.stringContaining('secret access key not found'),
        hint: expect.stringContaining('AWS_SECRET_ACCESS_KEY'),
      },
    })
    expect(stderr).not.toContain('AKIASECRETID')
  })

  it('tells why in JSON, and the causes on demand', async () => {
    const { code, stdout, stderr } = await drover(folder, [
      ...create({ '--from': 'missing.img' }),
      '--json',
      '--verbose',
    ])
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'source-missing', causes: [expect.stringContaining('ENOENT')] },
    })
  })
})

describe.concurrent('help', () => {
  it('is on stdout, of any command', async () => {
    const { code, stdout, stderr } = await drover(folder, ['pool', 'volume', 'create', '--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('Usage: drover pool volume create [options] <name>')
  })

  it('ends with the exit codes; the version is that of package.json', async () => {
    expect((await drover(folder, ['--help'])).stdout).toMatch(
      /Exit codes:\n {4}0 {2}done\n[^]* 130 {2}interrupted\n$/,
    )
    expect((await drover(folder, ['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it('is shown, as wrong usage, where a command is missing', async () => {
    const { code, stdout, stderr } = await drover(folder, ['backup'])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('Usage: drover backup')
  })
})
