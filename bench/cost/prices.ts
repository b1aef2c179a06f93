/**
 * @module prices: what AWS asks for, in us-east-1, in US dollars; no free tier. Where a request may be billed in two ways, the dearer.
 *
 * Sources: https://aws.amazon.com/s3/pricing/, /sqs/pricing/, /lambda/pricing/, /api-gateway/pricing/, /eventbridge/pricing/,
 * /dynamodb/pricing/on-demand/, /cloudwatch/pricing/ at the same place. What S3 tells EventBridge are "opt-in data events" there, which are
 * billed. The stack's own bucket does without (ObjectEvents): they are a sum apart.
 */
export interface Price {
  service: string
  /** What is counted. */
  unit: string
  perMillion: number
}

export const prices = {
  s3Write: { service: 'S3', unit: 'PUT, POST, LIST', perMillion: 5 },
  s3Read: { service: 'S3', unit: 'GET, HEAD', perMillion: 0.4 },
  s3Delete: { service: 'S3', unit: 'DELETE', perMillion: 0 },
  sqsStandard: { service: 'SQS', unit: 'request, standard queue', perMillion: 0.4 },
  sqsFifo: { service: 'SQS', unit: 'request, FIFO queue', perMillion: 0.5 },
  lambdaRequest: { service: 'Lambda', unit: 'request', perMillion: 0.2 },
  lambdaTime: { service: 'Lambda', unit: 'GB-second, arm64', perMillion: 13.3334 },
  apiRequest: { service: 'API Gateway', unit: 'request, HTTP API', perMillion: 1 },
  event: { service: 'EventBridge', unit: 'event', perMillion: 1 },
  objectEvent: { service: 'EventBridge', unit: 'event of S3, where it tells EventBridge', perMillion: 1 },
  readUnit: { service: 'DynamoDB', unit: 'read unit', perMillion: 0.125 },
  writeUnit: { service: 'DynamoDB', unit: 'write unit', perMillion: 0.625 },
  logs: { service: 'CloudWatch Logs', unit: 'MB', perMillion: 500 },
} as const satisfies Record<string, Price>

export type PriceName = keyof typeof prices

/** How many of each. */
export type Usage = Partial<Record<PriceName, number>>

export const dollarsOf = (name: PriceName, count: number): number =>
  (count * prices[name].perMillion) / 1_000_000

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its keys are names of prices
export const entriesOf = (usage: Usage): [PriceName, number][] =>
  Object.entries(usage) as [PriceName, number][]

export const times = (usage: Usage, factor: number): Usage =>
  Object.fromEntries(entriesOf(usage).map(([name, count]) => [name, count * factor]))

export const plus = (...usages: readonly Usage[]): Usage => {
  const total: Usage = {}
  for (const usage of usages)
    for (const [name, count] of entriesOf(usage)) total[name] = (total[name] ?? 0) + count
  return total
}

/** Nothing is less than none: what a smaller flow had by chance is no gain. */
export const minus = (usage: Usage, less: Usage): Usage =>
  Object.fromEntries(entriesOf(usage).map(([name, count]) => [name, Math.max(0, count - (less[name] ?? 0))]))
