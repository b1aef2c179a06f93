/**
 * @module resolved-stack: a template with its functions worked out, as CloudFormation does for given parameters: names and ARNs are as AWS
 * would make them, where a name is AWS's own choice it is `<stack>-<logical id>`.
 */
import type { Json, JsonRecord, Resource, Template } from './packaged-template.ts'

export interface StackSettings {
  stackName: string
  parameters: Record<string, string>
}

export interface ResolvedStack {
  stackName: string
  /** Those whose condition holds. */
  resources: Record<string, Resource>
  outputs: Record<string, Json>
}

export const account = '123456789012'
export const region = 'us-east-1'

const pseudo: Record<string, Json> = {
  'AWS::AccountId': account,
  'AWS::Region': region,
  'AWS::Partition': 'aws',
  'AWS::URLSuffix': 'amazonaws.com',
}

/** Stands for what is left out. */
const noValue = Symbol('AWS::NoValue')
type Resolved = Json | typeof noValue

interface Kind {
  /** The property that names it. */
  name?: string
  /** What `Ref` is, where it is not the name. */
  ref?: (name: string) => string
  arn?: (name: string) => string
}

const arn = (service: string, rest: (name: string) => string) => (name: string) =>
  `arn:aws:${service}:${region}:${account}:${rest(name)}`

const kinds: Record<string, Kind> = {
  'AWS::Lambda::Function': { name: 'FunctionName', arn: arn('lambda', (name) => `function:${name}`) },
  'AWS::Logs::LogGroup': { name: 'LogGroupName', arn: arn('logs', (name) => `log-group:${name}:*`) },
  'AWS::SQS::Queue': {
    name: 'QueueName',
    ref: (name) => `https://sqs.${region}.amazonaws.com/${account}/${name}`,
    arn: arn('sqs', (name) => name),
  },
  'AWS::DynamoDB::Table': { name: 'TableName', arn: arn('dynamodb', (name) => `table/${name}`) },
  'AWS::IAM::Role': { name: 'RoleName', arn: (name) => `arn:aws:iam::${account}:role/${name}` },
  'AWS::S3::Bucket': { name: 'BucketName', arn: (name) => `arn:aws:s3:::${name}` },
  'AWS::KMS::Key': { arn: arn('kms', (name) => `key/${name}`) },
  'AWS::SNS::Topic': {
    ref: arn('sns', (name) => name),
    arn: arn('sns', (name) => name),
  },
  'AWS::Events::Rule': { name: 'Name', arn: arn('events', (name) => `rule/${name}`) },
}

const isRecord = (value: Json | undefined): value is JsonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const failed = (what: string, about: Json | undefined): never => {
  throw new Error(`${what}: ${JSON.stringify(about)}`)
}

const textOf = (value: Resolved): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : failed('not a text', value as Json)

const listOf = (value: Resolved): Json[] =>
  Array.isArray(value) ? value : failed('not a list', value as Json)

const resolver = (template: Template, { stackName, parameters }: StackSettings) => {
  const parameter = (name: string): Json => {
    const { Type, Default } = template.Parameters[name] ?? failed('no parameter', name)
    const text = String(parameters[name] ?? Default ?? failed('parameter without a value', name))
    return Type === 'CommaDelimitedList' ? text.split(',') : text
  }
  const place = (logicalId: string): { kind: Kind; name: string } => {
    const { Type, Properties } = template.Resources[logicalId] ?? failed('no resource', logicalId)
    const kind = kinds[Type] ?? {}
    const given = kind.name === undefined ? undefined : Properties[kind.name]
    return { kind, name: given === undefined ? `${stackName}-${logicalId}` : textOf(resolve(given)) }
  }
  const ref = (name: string): Resolved => {
    if (name === 'AWS::NoValue') return noValue
    if (name === 'AWS::StackName') return stackName
    if (name in pseudo) return pseudo[name] ?? null
    if (name in template.Parameters) return parameter(name)
    const { kind, name: physical } = place(name)
    return kind.ref?.(physical) ?? physical
  }
  const attribute = (logicalId: string, name: string): string => {
    const { kind, name: physical } = place(logicalId)
    if (name === 'Arn' && kind.arn) return kind.arn(physical)
    return name === 'QueueName' ? physical : failed('no such attribute', `${logicalId}.${name}`)
  }
  const holds = (condition: Json | undefined): boolean => {
    if (!isRecord(condition)) return failed('not a condition', condition)
    const [[key, value] = ['', null]] = Object.entries(condition)
    switch (key) {
      case 'Fn::Equals':
        return new Set(listOf(value).map((side) => textOf(resolve(side)))).size === 1
      case 'Fn::Not':
        return !listOf(value).some(holds)
      case 'Fn::And':
        return listOf(value).every(holds)
      case 'Condition':
        return holds(template.Conditions[textOf(value)])
      default:
        return failed('not a condition', condition)
    }
  }
  const substitute = (value: Json): string => {
    const [text, own] = Array.isArray(value) ? value : [value]
    return textOf(text ?? null).replace(/\$\{([^!}]+)\}/g, (_, name: string) => {
      if (isRecord(own) && name in own) return textOf(resolve(own[name] ?? null))
      const [id = '', attributeName] = name.split('.')
      return attributeName === undefined ? textOf(ref(id)) : attribute(id, attributeName)
    })
  }
  const intrinsics: Record<string, (value: Json) => Resolved> = {
    Ref: (value) => ref(textOf(value)),
    'Fn::GetAtt': (value) => {
      const [id, name] = typeof value === 'string' ? value.split('.') : listOf(value).map(textOf)
      return attribute(id ?? '', name ?? '')
    },
    'Fn::Sub': substitute,
    'Fn::If': (value) => {
      const [condition, yes, no] = listOf(value)
      return resolve((holds({ Condition: condition ?? null }) ? yes : no) ?? null)
    },
    'Fn::Join': (value) => {
      const [separator, parts] = listOf(value)
      return listOf(resolve(parts ?? null))
        .map(textOf)
        .join(textOf(separator ?? null))
    },
    'Fn::Split': (value) => {
      const [separator, text] = listOf(value)
      return textOf(resolve(text ?? null)).split(textOf(separator ?? null))
    },
  }
  const resolve = (value: Json): Resolved => {
    if (Array.isArray(value)) return value.map(resolve).filter((each) => each !== noValue)
    if (!isRecord(value)) return value
    const [[key, inner] = [], ...others] = Object.entries(value)
    const intrinsic = others.length === 0 && key !== undefined ? intrinsics[key] : undefined
    if (intrinsic && inner !== undefined) return intrinsic(inner)
    const entries = Object.entries(value).map(([name, each]) => [name, resolve(each)] as const)
    return Object.fromEntries(entries.filter(([, each]) => each !== noValue)) as JsonRecord
  }
  return {
    resolve,
    isThere: ({ Condition }: { Condition?: string }) => Condition === undefined || holds({ Condition }),
  }
}

/** @throws Error where a reference leads nowhere. */
export const resolvedStack = (template: Template, settings: StackSettings): ResolvedStack => {
  const { resolve, isThere } = resolver(template, settings)
  const resources = Object.entries(template.Resources)
    .filter(([, resource]) => isThere(resource))
    .map(([id, resource]) => [id, { ...resource, Properties: resolve(resource.Properties) as JsonRecord }])
  const outputs = Object.entries(template.Outputs)
    .filter(([, output]) => isThere(output))
    .map(([id, { Value }]) => [id, resolve(Value) as Json])
  return {
    stackName: settings.stackName,
    resources: Object.fromEntries(resources) as Record<string, Resource>,
    outputs: Object.fromEntries(outputs) as Record<string, Json>,
  }
}
