/**
 * @module session-policy: what the credentials of one operation may do, as the policy that narrows its session: in one folder of a
 * bucket, and of S3's actions only PutObject, GetObject, ListBucket and DeleteObject; on AWS also the key of a bucket that KMS encrypts.
 *
 * Its text has at most 2,048 characters (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html). Where names are too
 * long to write the folder out for each key, keys are named in all folders, and all folders but one are denied.
 */
import { TargetError } from './target-error.ts'
import type { S3Target } from './target-url.ts'

export interface Place {
  partition: 'aws' | 'aws-cn' | 'aws-us-gov'
  /** Else another server, whose policies know no KMS. */
  isAws: boolean
  bucket: string
  /** Of the target: '' or with its final `/`. */
  path: string
}

/** Besides reading and listing all of its folder. */
export interface Reach {
  /** Below the target's path, with its final `/`. */
  folder: string
  /** Keys below the folder; `*` in them stands for anything. */
  puts: 'all' | readonly string[]
  deletes: 'all' | readonly string[]
  /** What the keys are made of, by what it is: for who has to choose shorter ones. */
  names: Readonly<Record<string, string>>
}

interface Statement {
  Effect: 'Allow' | 'Deny'
  Action: string | string[]
  Resource?: string | string[]
  NotResource?: string
  Condition?: { StringLike: Record<string, string> }
}

export const maxPolicyChars = 2048

export const placeOf = ({ bucket, region, path }: S3Target, isAws: boolean): Place => {
  const special = isAws ? /^(?:cn|us-gov)(?=-)/.exec(region)?.[0] : undefined
  const partition = special === 'cn' ? 'aws-cn' : special === 'us-gov' ? 'aws-us-gov' : 'aws'
  return { partition, isAws, bucket, path }
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-specialchars */
const literal = (text: string): string => text.replace(/[*?$]/g, (character) => `\${${character}}`)

const one = <T>(values: readonly T[]): T | T[] => {
  const [first, ...others] = values
  return first !== undefined && others.length === 0 ? first : [...values]
}

/** One statement for keys that may be put and deleted alike. */
const keyStatements = ({ puts, deletes }: Reach, arnOf: (key: string) => string): Statement[] => {
  const putKeys = puts === 'all' ? [] : puts
  const deleteKeys = deletes === 'all' ? [] : deletes
  const both = putKeys.filter((key) => deleteKeys.includes(key))
  const groups: [string[], string[]][] = [
    [['s3:PutObject', 's3:DeleteObject'], both],
    [['s3:PutObject'], putKeys.filter((key) => !both.includes(key))],
    [['s3:DeleteObject'], deleteKeys.filter((key) => !both.includes(key))],
  ]
  return groups
    .filter(([, keys]) => keys.length > 0)
    .map(([actions, keys]) => ({ Effect: 'Allow', Action: one(actions), Resource: one(keys.map(arnOf)) }))
}

/**
 * A bucket that KMS encrypts is read and written by who may use its key as well; S3 asks KMS with the session's own rights. Which key the
 * role says. Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
 */
const keyOfBucket: Statement = {
  Effect: 'Allow',
  Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
  Resource: '*',
  Condition: { StringLike: { 'kms:ViaService': 's3.*' } },
}

const statementsOf = (place: Place, reach: Reach, isShared: boolean): Statement[] => {
  const arn = `arn:${place.partition}:s3:::`
  const folder = literal(place.path) + reach.folder
  const all = `${arn}${place.bucket}/${folder}*`
  const inAll = [
    's3:GetObject',
    ...(reach.puts === 'all' ? ['s3:PutObject'] : []),
    ...(reach.deletes === 'all' ? ['s3:DeleteObject'] : []),
  ]
  const arnOf = (key: string) => (isShared ? `${arn}*/${key}` : `${arn}${place.bucket}/${folder}${key}`)
  const elsewhere: Statement = {
    Effect: 'Deny',
    Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
    NotResource: all,
  }
  return [
    { Effect: 'Allow', Action: one(inAll), Resource: isShared ? `${arn}*` : all },
    {
      Effect: 'Allow',
      Action: 's3:ListBucket',
      Resource: arn + place.bucket,
      Condition: { StringLike: { 's3:prefix': `${folder}*` } },
    },
    ...(place.isAws ? [keyOfBucket] : []),
    ...keyStatements(reach, arnOf),
    ...(isShared ? [elsewhere] : []),
  ]
}

/** A policy's characters end at U+00FF. */
const policyText = (statements: readonly Statement[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements }).replace(
    /[^\u0020-\u007e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** Also for what STS says of a policy that it packs. */
export const policyTooLarge = ({ bucket, path }: Place, { names }: Reach, cause?: unknown): TargetError => {
  const all = Object.entries({ bucket, 'path of the target': path, ...names })
  const [what, name] = all.toSorted(([, a], [, b]) => b.length - a.length)[0] ?? ['', '']
  return new TargetError(
    'policy-too-large',
    `the policy that narrows credentials has no room for the ${what}: ${JSON.stringify(name)}`,
    { hint: `choose a shorter one: it has ${name.length} characters`, cause },
  )
}

/** Those that have room: the plain one first, then one that says the same in fewer characters. @throws TargetError `policy-too-large`. */
export const sessionPolicies = (place: Place, reach: Reach): string[] => {
  const plain = policyText(statementsOf(place, reach, false))
  const shared = policyText(statementsOf(place, reach, true))
  const policies = shared.length < plain.length ? [plain, shared] : [plain]
  const withRoom = policies.filter(({ length }) => length <= maxPolicyChars)
  if (withRoom.length === 0) throw policyTooLarge(place, reach)
  return withRoom
}
