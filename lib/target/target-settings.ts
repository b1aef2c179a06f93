/**
 * @module target-settings: what a target needs besides its URL, under the names of Longhorn's credential secret.
 *
 * Read from any record: the environment of a command, the data of a Kubernetes secret. All faults are reported at once, by name
 * and never with a value. Source: `longhorn backupstore util/credential.go`, `s3/s3_service.go`, `s3/s3.go`.
 */
import { X509Certificate } from 'node:crypto'
import * as z from 'zod'
import { TargetError } from './target-error.ts'

export type SettingsRecord = Readonly<Record<string, string | undefined>>

interface Fault {
  what: string
  hint: string
}

/** Says what is wrong with a value that is not empty. */
type Rule = (value: string) => Fault | undefined

/** `host:port` is a proxy over http, as in Go's httpproxy. */
const withScheme = (value: string): string =>
  /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`

const isHttpUrl = (url: URL | null): url is URL =>
  url !== null && /^https?:$/.test(url.protocol) && url.hostname !== ''

/** A copied key with a newline after it makes a signature that no server accepts, and no server says why (longhorn issue 7159). */
const untrimmed: Rule = (value) =>
  value.trim() === value
    ? undefined
    : {
        what: 'begins or ends with a blank or a newline',
        hint: 'encode secrets with `echo -n` or `printf %s`',
      }

const wrongEndpoint: Rule = (value) => {
  const url = URL.parse(value)
  const isPlain = isHttpUrl(url) && !/[,@?#]/.test(value)
  return (
    untrimmed(value) ??
    (isPlain ? undefined : { what: 'is not one URL', hint: 'write AWS_ENDPOINTS as https://<host>:<port>' })
  )
}

const wrongProxy: Rule = (value) =>
  untrimmed(value) ??
  (isHttpUrl(URL.parse(withScheme(value)))
    ? undefined
    : { what: 'is not a proxy', hint: 'write a proxy as http://<host>:<port>' })

/** Longhorn takes any other value as none, which is how a typing error passes unseen. */
const wrongFlag: Rule = (value) =>
  untrimmed(value) ??
  (/^(?:true|false)$/.test(value)
    ? undefined
    : { what: 'is neither true nor false', hint: 'write VIRTUAL_HOSTED_STYLE as true or false' })

const isReadable = (certificate: string): boolean => {
  try {
    return new X509Certificate(certificate).raw.length > 0
  } catch {
    return false
  }
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html */
const wrongRole: Rule = (value) =>
  untrimmed(value) ??
  (/^arn:aws(?:-cn|-us-gov)?:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/.test(value)
    ? undefined
    : {
        what: 'is not the ARN of a role',
        hint: 'write AWS_IAM_ROLE_ARN as arn:aws:iam::<account>:role/<name>',
      })

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
const wrongExternalId: Rule = (value) =>
  untrimmed(value) ??
  (/^[\w+=,.@:/-]{2,1224}$/.test(value)
    ? undefined
    : {
        what: 'is not an external id',
        hint: 'AWS_EXTERNAL_ID has 2 to 1224 letters, digits and characters of _+=,.@:/-',
      })

/** Blanks around it are no fault: every PEM file ends with a newline. */
const wrongPem: Rule = (value) => {
  const certificates = value.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  if (certificates.length > 0 && certificates.every(isReadable)) return undefined
  return {
    what: 'is not a PEM certificate or a chain of them',
    hint: 'AWS_CERT begins with -----BEGIN CERTIFICATE-----; decode it if it is still base64 as in a Kubernetes secret',
  }
}

/** Their names, which are Longhorn's but for AWS_EXTERNAL_ID. */
export const targetSettingNames = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_PROFILE',
  'AWS_IAM_ROLE_ARN',
  'AWS_EXTERNAL_ID',
  'AWS_ENDPOINTS',
  'AWS_CERT',
  'VIRTUAL_HOSTED_STYLE',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
] as const
type Key = (typeof targetSettingNames)[number]

const rules: Record<Key, Rule> = {
  AWS_ACCESS_KEY_ID: untrimmed,
  AWS_SECRET_ACCESS_KEY: untrimmed,
  AWS_SESSION_TOKEN: untrimmed,
  AWS_PROFILE: untrimmed,
  AWS_IAM_ROLE_ARN: wrongRole,
  AWS_EXTERNAL_ID: wrongExternalId,
  AWS_ENDPOINTS: wrongEndpoint,
  AWS_CERT: wrongPem,
  VIRTUAL_HOSTED_STYLE: wrongFlag,
  HTTP_PROXY: wrongProxy,
  HTTPS_PROXY: wrongProxy,
  NO_PROXY: untrimmed,
}

type Present = Partial<Record<Key, string>>

/** An empty value is none, as in a shell. */
const present = (record: SettingsRecord): Present =>
  Object.fromEntries(targetSettingNames.flatMap((key) => (record[key] ? [[key, record[key]]] : [])))

/** The first two texts are Longhorn's. */
const pairFault = (record: Present): Fault | undefined => {
  const hint = 'give both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither to use what the machine has'
  if (record.AWS_SECRET_ACCESS_KEY && !record.AWS_ACCESS_KEY_ID)
    return { what: 's3 credential access key not found', hint }
  if (record.AWS_ACCESS_KEY_ID && !record.AWS_SECRET_ACCESS_KEY)
    return { what: 's3 credential secret access key not found', hint }
  if (record.AWS_SESSION_TOKEN && !record.AWS_ACCESS_KEY_ID)
    return { what: 'AWS_SESSION_TOKEN is given without its keys', hint }
  return undefined
}

const loneExternalId = (record: Present): Fault[] =>
  record.AWS_EXTERNAL_ID && !record.AWS_IAM_ROLE_ARN
    ? [
        {
          what: 'AWS_EXTERNAL_ID is given without a role',
          hint: 'give the role that asks for it as AWS_IAM_ROLE_ARN',
        },
      ]
    : []

const faultsOf = (record: Present): Fault[] => {
  const faults = targetSettingNames.flatMap((key) => {
    const fault = record[key] === undefined ? undefined : rules[key](record[key])
    return fault ? [{ ...fault, what: `${key} ${fault.what}` }] : []
  })
  const unpaired = pairFault(record)
  return [...(unpaired ? [unpaired] : []), ...faults, ...loneExternalId(record)]
}

const settingsOf = (record: Present) => ({
  keys:
    record.AWS_ACCESS_KEY_ID && record.AWS_SECRET_ACCESS_KEY
      ? {
          accessKeyId: record.AWS_ACCESS_KEY_ID,
          secretAccessKey: record.AWS_SECRET_ACCESS_KEY,
          sessionToken: record.AWS_SESSION_TOKEN,
        }
      : undefined,
  profile: record.AWS_PROFILE,
  /** Assumed by the keys, or without keys by what the machine has. */
  roleArn: record.AWS_IAM_ROLE_ARN,
  externalId: record.AWS_EXTERNAL_ID,
  endpoint: record.AWS_ENDPOINTS,
  virtualHostedStyle:
    record.VIRTUAL_HOSTED_STYLE === undefined ? undefined : record.VIRTUAL_HOSTED_STYLE === 'true',
  caPem: record.AWS_CERT,
  httpProxy: record.HTTP_PROXY && withScheme(record.HTTP_PROXY),
  httpsProxy: record.HTTPS_PROXY && withScheme(record.HTTPS_PROXY),
  noProxy: record.NO_PROXY,
})

export const TargetSettings = z
  .record(z.string(), z.string().optional())
  .transform(present)
  .superRefine((record, context) => {
    for (const { what, hint } of faultsOf(record))
      context.addIssue({ code: 'custom', message: what, params: { hint } })
  })
  .transform(settingsOf)
export type TargetSettings = z.infer<typeof TargetSettings>

const hintOf = (issue: z.core.$ZodIssue): string[] =>
  issue.code === 'custom' && typeof issue.params?.['hint'] === 'string' ? [issue.params['hint']] : []

/** @throws TargetError `invalid-settings`, with every fault. */
export const readTargetSettings = (record: SettingsRecord): TargetSettings => {
  const parsed = TargetSettings.safeParse(record)
  if (parsed.success) return parsed.data
  const { issues } = parsed.error
  throw new TargetError(
    'invalid-settings',
    `settings of the backup target: ${issues.map((issue) => issue.message).join('; ')}`,
    {
      hint: [...new Set(issues.flatMap(hintOf))].join('; '),
    },
  )
}
