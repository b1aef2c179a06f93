/**
 * @module installation-view: what an installation on AWS has, as it is shown.
 */
import { isAnythingLeft, type Leftovers } from '#lib/installation/find-leftovers.ts'
import type { StackResource, StackState } from '#lib/installation/installation.ts'
import { fieldsText } from './tables.ts'

export interface Where {
  stack: string
  region: string
}

const stackText = (state: StackState): string => {
  switch (state.kind) {
    case 'there':
      return state.status
    case 'deleted':
      return `deleted at ${state.deletedAt}`
    case 'unknown':
      return 'not there, and none of that name was deleted in the last 90 days'
    default:
      return state satisfies never
  }
}

const named = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '))

const keptOf = (state: StackState): StackResource[] => (state.kind === 'unknown' ? [] : state.kept)

/** Source: https://docs.aws.amazon.com/cli/latest/reference/ */
const commandsByType: Record<string, (name: string, region: string) => string> = {
  'AWS::DynamoDB::Table': (name, region) =>
    `aws dynamodb delete-table --region ${region} --table-name ${name}`,
  'AWS::S3::Bucket': (name, region) => `aws s3 rb --force --region ${region} s3://${name}`,
  'AWS::KMS::Key': (name, region) =>
    `aws kms schedule-key-deletion --region ${region} --pending-window-in-days 30 --key-id ${name}`,
}

/** A bucket's policy goes with the bucket. */
export const keptLines = (state: StackState, { region }: Where): string[] =>
  keptOf(state).flatMap(({ type, name }) => {
    const command = commandsByType[type]
    return command ? [`  ${command(name, region)}`] : []
  })

const keptText = (state: StackState): string | undefined => {
  const kept = keptOf(state).map(({ type, name }) => `${type.replace(/^AWS::/, '')} ${name}`)
  return kept.length === 0 ? undefined : kept.join(', ')
}

export const leftoversText = (where: Where, left: Leftovers): string =>
  fieldsText({
    stack: `${where.stack} in ${where.region}: ${stackText(left.stack)}`,
    'rules of jobs': named(left.rules),
    'queues of nodes': named(left.queues),
    secrets: named(left.secrets),
    [left.stack.kind === 'there' ? 'stays when the stack goes' : 'stayed when the stack went']: keptText(
      left.stack,
    ),
  })

export const leftoversJson = (where: Where, left: Leftovers) => ({
  stack: { name: where.stack, region: where.region, ...left.stack },
  rules: left.rules,
  queues: left.queues,
  secrets: left.secrets,
  isAnythingLeft: isAnythingLeft(left),
})
