/**
 * @module cloudformation-stack: the stack of an installation. CloudFormation finds a deleted one by its id alone, so that is looked up first.
 */
import {
  DeleteStackCommand,
  DescribeStacksCommand,
  GetTemplateCommand,
  paginateListStackResources,
  paginateListStacks,
  type CloudFormationClient,
  type Stack as DescribedStack,
  type StackResourceSummary,
} from '@aws-sdk/client-cloudformation'
import * as z from 'zod'
import type { Stack, StackResource, StackState } from './installation.ts'
import { InstallationError } from './installation-error.ts'
import { plainly } from './plain-aws-errors.ts'

export interface CloudFormationStackDeps {
  client: CloudFormationClient
  signal: AbortSignal
}

const Template = z.object({
  Resources: z.record(z.string(), z.object({ DeletionPolicy: z.unknown().optional() })),
})

/** Of ours, which is JSON; of one that somebody wrote anew in YAML it is not known before it is deleted. */
const keptByTemplate = (body: string | undefined): Set<string> => {
  try {
    const { Resources } = Template.parse(JSON.parse(body ?? ''))
    const kept = Object.entries(Resources).filter(
      ([, { DeletionPolicy }]) => DeletionPolicy === 'Retain' || DeletionPolicy === 'RetainExceptOnCreate',
    )
    return new Set(kept.map(([name]) => name))
  } catch {
    return new Set()
  }
}

const viewOf = ({ ResourceType = '', PhysicalResourceId = '' }: StackResourceSummary): StackResource => ({
  type: ResourceType,
  name: PhysicalResourceId,
})

/** `Stack with id drover does not exist`: a ValidationError, as much else is. */
const isMissing = (error: unknown): boolean =>
  error instanceof Error && error.name === 'ValidationError' && /does not exist/.test(error.message)

export const cloudformationStack = ({ client, signal }: CloudFormationStackDeps, name: string): Stack => {
  const abort = { abortSignal: signal }
  const ask = <T>(action: string, work: () => Promise<T>): Promise<T> =>
    plainly(`cloudformation:${action}`, signal, work)

  const describe = async (nameOrId: string): Promise<DescribedStack | undefined> =>
    ask('DescribeStacks', async () => {
      try {
        const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: nameOrId }), abort)
        return Stacks?.[0]
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    })

  const resourcesOf = (id: string): Promise<StackResourceSummary[]> =>
    ask('ListStackResources', async () => {
      const all: StackResourceSummary[] = []
      for await (const page of paginateListStackResources({ client }, { StackName: id }, abort))
        all.push(...(page.StackResourceSummaries ?? []))
      return all
    })

  const toBeKept = async (id: string): Promise<StackResource[]> => {
    const { TemplateBody } = await ask('GetTemplate', () =>
      client.send(new GetTemplateCommand({ StackName: id, TemplateStage: 'Processed' }), abort),
    )
    const names = keptByTemplate(TemplateBody)
    const resources = await resourcesOf(id)
    return resources.filter(({ LogicalResourceId = '' }) => names.has(LogicalResourceId)).map(viewOf)
  }

  const lastDeleted = async (): Promise<StackState> => {
    const summaries = await ask('ListStacks', async () => {
      const all = []
      const request = { StackStatusFilter: ['DELETE_COMPLETE' as const] }
      for await (const page of paginateListStacks({ client }, request, abort))
        all.push(...(page.StackSummaries ?? []))
      return all
    })
    const timeOf = ({ DeletionTime }: (typeof summaries)[number]): number => DeletionTime?.getTime() ?? 0
    const [last] = summaries
      .filter(({ StackName }) => StackName === name)
      .toSorted((a, b) => timeOf(b) - timeOf(a))
    if (!last?.StackId) return { kind: 'unknown' }
    const resources = await resourcesOf(last.StackId)
    return {
      kind: 'deleted',
      id: last.StackId,
      deletedAt: new Date(timeOf(last)).toISOString(),
      kept: resources.filter(({ ResourceStatus }) => ResourceStatus === 'DELETE_SKIPPED').map(viewOf),
    }
  }

  const startDeletion = (id: string): Promise<void> =>
    ask('DeleteStack', async () => {
      try {
        await client.send(new DeleteStackCommand({ StackName: id }), abort)
      } catch (cause) {
        if (!(cause instanceof Error) || !/TerminationProtection/i.test(cause.message)) throw cause
        throw new InstallationError('protected', `stack ${name} is protected from deletion`, {
          cause,
          hint: `aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name ${name}`,
        })
      }
    })

  return {
    look: async () => {
      const described = await describe(name)
      if (!described?.StackId || described.StackStatus === 'DELETE_COMPLETE') return lastDeleted()
      const { StackId: id, StackStatus: status = '', Description = '' } = described
      return {
        kind: 'there',
        id,
        status,
        isDrover: /\bDrover\b/.test(Description),
        kept: await toBeKept(id),
      }
    },
    startDeletion,
    deletion: async (id) => {
      const described = await describe(id)
      const resources = described ? await resourcesOf(id) : []
      const gone = resources.filter(({ ResourceStatus }) =>
        ['DELETE_COMPLETE', 'DELETE_SKIPPED'].includes(ResourceStatus ?? ''),
      )
      return {
        status: described?.StackStatus ?? 'DELETE_COMPLETE',
        failures: resources
          .filter(({ ResourceStatus }) => ResourceStatus === 'DELETE_FAILED')
          .map(
            ({ LogicalResourceId, ResourceStatusReason }) => `${LogicalResourceId}: ${ResourceStatusReason}`,
          ),
        deletedResources: gone.length,
        allResources: resources.length,
      }
    },
  }
}
