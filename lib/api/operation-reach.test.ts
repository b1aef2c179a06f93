/**
 * What the policies of operations mean, by AWS's rules: judged by a simulator of IAM, which is not ours.
 */
import { runSimulation } from '@cloud-copilot/iam-simulate'
import { describe, expect, it } from 'vitest'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import type { OperationKind, ParametersOf } from '#lib/operation/operation-kinds.ts'
import {
  maxPolicyChars,
  placeOf,
  sessionPolicies,
  type Place,
  type Reach,
} from '#lib/target/session-policy.ts'
import { queuedOperation } from '#test/queued-operation.ts'
import { indexReach, operationReach, type TargetOperation } from './operation-reach.ts'

const place: Place = { partition: 'aws', isAws: true, bucket: 'backups', path: 'site a/' }
const keys = volumeKeys('web')
const other = volumeKeys('mail')
/** The one that is asked with first. */
const sessionPolicy = (at: Place, reach: Reach): string => sessionPolicies(at, reach)[0] ?? ''
const checksum = 'ab'.repeat(32)

const ofKind = <Kind extends OperationKind>(kind: Kind, parameters: ParametersOf<Kind>): Reach =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the kinds that are on a target
  operationReach({ ...queuedOperation, kind, parameters } as unknown as TargetOperation)

const on = { target: 'nas', backupVolume: 'web' }
const backup = { ...on, backup: 'daily', lock: 'lock-1', labels: {}, isFull: false, onlyIfWritten: false }
const reaches = {
  'create-backup': ofKind('create-backup', backup),
  'restore-backup': ofKind('restore-backup', { ...on, backup: 'daily', isSalvage: false }),
  'delete-backup': ofKind('delete-backup', { ...on, backup: 'daily', lock: 'lock-1' }),
  'collect-blocks': ofKind('collect-blocks', { ...on, lock: 'lock-1' }),
  'verify-backup': ofKind('verify-backup', { ...on, backup: 'daily' }),
  index: indexReach,
} satisfies Record<string, Reach>
type Judged = keyof typeof reaches

/** A key's own default: the account's policies say who may. */
const policyOfKey = {
  Version: '2012-10-17',
  Statement: {
    Effect: 'Allow',
    Principal: { AWS: 'arn:aws:iam::123456789012:root' },
    Action: 'kms:*',
    Resource: '*',
  },
}

/** `action`: of S3, unless it names its service. */
const verdict = async (policy: string, action: string, resource: string, context = {}): Promise<boolean> => {
  const response = await runSimulation(
    {
      identityPolicies: [{ name: 'session', policy: JSON.parse(policy) }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      request: {
        action: action.includes(':') ? action : `s3:${action}`,
        principal: 'arn:aws:iam::123456789012:user/session',
        resource: { accountId: '123456789012', resource },
        contextVariables: context,
      },
      ...(action.startsWith('kms:') && { resourcePolicy: policyOfKey }),
    },
    {},
  )
  if (response.resultType === 'error') throw new Error(JSON.stringify(response.errors))
  return response.overallResult === 'Allowed'
}

const judge = (of: Place, policy: string) => {
  const arn = `arn:${of.partition}:s3:::${of.bucket}`
  const at = (action: string) => (key: string) => verdict(policy, action, `${arn}/${of.path}${key}`)
  return {
    get: at('GetObject'),
    put: at('PutObject'),
    remove: at('DeleteObject'),
    list: (prefix: string) => verdict(policy, 'ListBucket', arn, { 's3:prefix': of.path + prefix }),
    listAll: () => verdict(policy, 'ListBucket', arn),
    elsewhere: (key: string) => verdict(policy, 'GetObject', `arn:${of.partition}:s3:::another/${key}`),
    bypass: () => verdict(policy, 'PutObjectAcl', `${arn}/${of.path}${keys.volumeConfig}`),
  }
}
type Judge = ReturnType<typeof judge>

const all = async (verdicts: Promise<boolean>[]): Promise<boolean[]> => [
  ...new Set(await Promise.all(verdicts)),
]

const ownKeys = [keys.lock('lock-1'), keys.lock('lock-1-again'), keys.lock('lock-1-again-again')]
const ownMarks = [keys.backupConfig('daily'), keys.backupConfig('daily-again')]
const others = [
  keys.lock('lock-2'),
  keys.lock('lock-11'),
  keys.backupConfig('daily-2'),
  keys.backupConfig('weekly'),
  keys.volumeConfig,
  keys.badBlocks,
  keys.block(checksum),
]
const inVolume = [...ownKeys, ...ownMarks, ...others]
const foreign = [
  other.volumeConfig,
  other.lock('lock-1'),
  other.backupConfig('daily'),
  other.badBlocks,
  other.block(checksum),
  keys.folder.replace('/web/', '/web2/volume.cfg'),
  'elsewhere',
]
const folders = [keys.folder, keys.backupsFolder, keys.locksFolder, keys.blocksFolder]

/** What each may put and delete; all else in its volume it may not. */
const puts: Record<Judged, readonly string[]> = {
  'create-backup': inVolume,
  'restore-backup': [],
  'delete-backup': inVolume,
  'collect-blocks': inVolume,
  'verify-backup': [keys.badBlocks],
  index: [],
}
const deletes: Record<Judged, readonly string[]> = { ...puts, 'create-backup': [...ownKeys, ...ownMarks] }
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of an object that is written here
const kinds = Object.keys(reaches) as Judged[]

const expectVerbs = async (judged: Judge, kind: Judged): Promise<void> => {
  expect(await all(inVolume.map(judged.get))).toEqual([true])
  expect(await all(folders.map(judged.list))).toEqual([true])
  const allowed = async (may: (key: string) => Promise<boolean>) => {
    const verdicts = await Promise.all(inVolume.map(may))
    return inVolume.filter((_, index) => verdicts[index])
  }
  expect(await allowed(judged.put)).toEqual(inVolume.filter((key) => puts[kind].includes(key)))
  expect(await allowed(judged.remove)).toEqual(inVolume.filter((key) => deletes[kind].includes(key)))
}

const expectNothingElse = async (judged: Judge): Promise<void> => {
  const { get, put, remove, list, listAll, elsewhere, bypass } = judged
  expect(await all([...foreign.map(get), ...foreign.map(put), ...foreign.map(remove)])).toEqual([false])
  expect(
    await all([
      list(''),
      list('backupstore/'),
      list(other.folder),
      listAll(),
      list(keys.folder.slice(0, -1)),
    ]),
  ).toEqual([false])
  expect(await all([elsewhere(`${place.path}${keys.volumeConfig}`), bypass()])).toEqual([false])
}

describe('the policy of an operation', () => {
  it.each(kinds)('of kind %s allows what it does, and nothing else', async (kind) => {
    const judged = judge(place, sessionPolicy(place, reaches[kind]))
    await expectVerbs(judged, kind)
    if (kind !== 'index') await expectNothingElse(judged)
  })

  it('of kind index reads all of the target, and nothing beside it', async () => {
    const { get, list, listAll, put, remove, elsewhere } = judge(place, sessionPolicy(place, reaches.index))
    const volumes = 'backupstore/volumes/'
    expect(await all([get(other.volumeConfig), list(volumes), list(`${volumes}0a/`)])).toEqual([true])
    expect(await all([list(''), listAll(), get('elsewhere'), elsewhere(keys.volumeConfig)])).toEqual([false])
    expect(await all([put(other.volumeConfig), remove(other.volumeConfig)])).toEqual([false])
  })

  /** Written otherwise where all names are long. */
  it.each(kinds)('of kind %s means the same with the longest names', async (kind) => {
    const far: Place = {
      partition: 'aws-us-gov',
      isAws: true,
      bucket: 'b'.repeat(63),
      path: `${'p'.repeat(150)}/`,
    }
    const volume = 'v'.repeat(200)
    const [name, lock] = ['n'.repeat(190), 'lock-0123456789abcdef']
    const long = { target: 'nas', backupVolume: volume, backup: name, lock }
    const reach = kind === 'index' ? indexReach : ofKind(kind, { ...backup, isSalvage: false, ...long })
    const policy = sessionPolicy(far, reach)
    expect(policy.length).toBeLessThanOrEqual(maxPolicyChars)
    if (kind === 'index') return
    const { get, put, remove, list, listAll } = judge(far, policy)
    const there = volumeKeys(volume)
    const mayPut = puts[kind].includes(keys.volumeConfig)
    expect(await get(there.volumeConfig)).toBe(true)
    expect(await put(there.volumeConfig)).toBe(mayPut)
    expect(await remove(there.volumeConfig)).toBe(deletes[kind].includes(keys.volumeConfig))
    expect(await remove(there.backupConfig(name))).toBe(deletes[kind].includes(keys.backupConfig('daily')))
    expect(await remove(there.lock(`${lock}-again`))).toBe(deletes[kind].includes(keys.lock('lock-1-again')))
    expect(await put(there.badBlocks)).toBe(puts[kind].includes(keys.badBlocks))
    const alien = volumeKeys('mail')
    expect(
      await all(
        [alien.lock(lock), alien.backupConfig(name), alien.badBlocks].flatMap((key) => [
          get(key),
          put(key),
          remove(key),
        ]),
      ),
    ).toEqual([false])
    expect(await all([list(''), listAll()])).toEqual([false])
    expect(await list(there.locksFolder)).toBe(true)
  })

  it('lets S3, and nobody else, use the key of an encrypted bucket; of a server that is not AWS it names no KMS', async () => {
    const policy = sessionPolicy(place, reaches['create-backup'])
    const key = 'arn:aws:kms:eu-central-1:123456789012:key/1'
    const mayBy = (service: string, action: string) =>
      verdict(policy, action, key, { 'kms:ViaService': `${service}.eu-central-1.amazonaws.com` })
    expect(await all([mayBy('s3', 'kms:Decrypt'), mayBy('s3', 'kms:GenerateDataKey')])).toEqual([true])
    expect(
      await all([
        mayBy('dynamodb', 'kms:Decrypt'),
        mayBy('s3', 'kms:ScheduleKeyDeletion'),
        verdict(policy, 'kms:Decrypt', key),
      ]),
    ).toEqual([false])
    expect(sessionPolicy({ ...place, isAws: false }, reaches['create-backup'])).not.toContain('kms')
  })

  it('that has no room for its names is refused, and says which is too long', () => {
    const reach = ofKind('create-backup', { ...backup, backup: 'n'.repeat(200) })
    const far = { ...place, path: `${'p'.repeat(900)}/` }
    expect(() => sessionPolicy(far, reach)).toThrow(
      expect.objectContaining({
        code: 'policy-too-large',
        message: expect.stringContaining('path of the target'),
        hint: expect.stringContaining('901'),
      }),
    )
  })

  it('takes what is special to policies in a path for itself, and is of their characters', async () => {
    const odd: Place = { ...place, path: 'a*é日/' }
    const policy = sessionPolicy(odd, reaches['restore-backup'])
    expect(policy).toMatch(/^[\u0020-\u007e]+$/)
    expect(policy).toContain('a${*}')
    expect(JSON.parse(policy).Statement[0].Resource).toContain('é日/')
  })

  it('is of the partition of its region', () => {
    const at = (region: string, isAws = true) =>
      placeOf({ kind: 's3', bucket: 'b', region, path: '' }, isAws).partition
    expect(['eu-west-1', 'cn-north-1', 'us-gov-west-1'].map((region) => at(region))).toEqual([
      'aws',
      'aws-cn',
      'aws-us-gov',
    ])
    expect(at('cn-north-1', false)).toBe('aws')
  })
})
