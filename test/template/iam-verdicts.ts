/**
 * @module iam-verdicts: whether policies allow a request, which a simulator of IAM judges that is not ours.
 */
import { runSimulation } from '@cloud-copilot/iam-simulate'
import type { Statement } from './policy-faults.ts'
import { account, type ResolvedStack } from './resolved-stack.ts'

export interface IamRequest {
  action: string
  resource: string
  context: Record<string, string | string[]>
}

export interface Asker {
  principal?: string
  /** What narrows its session, as STS was given it. */
  sessionPolicy?: unknown
  /** Of the resource. */
  resourcePolicy?: unknown
}

/** A role and a key have a policy of their own, always; this one leaves it to those of the account. */
const leavesItToAccount = (action: string): unknown => ({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${account}:root` },
      Action: action,
      ...(action.startsWith('kms:') && { Resource: '*' }),
    },
  ],
})

const hasOwnPolicy = /^(?:sts|kms):/

/**
 * The resource counts as the account's own, whatever its ARN says: what keeps another account's from the asker is then the asker's policy.
 * @throws Error: the simulator knows no such action, or takes the policy for none.
 */
export const isAllowed = async (
  statements: readonly Statement[],
  { action, resource, context }: IamRequest,
  { principal = `arn:aws:iam::${account}:role/judged`, sessionPolicy, resourcePolicy }: Asker = {},
): Promise<boolean> => {
  const policy = { Version: '2012-10-17', Statement: statements }
  const response = await runSimulation(
    {
      identityPolicies: [{ name: 'role', policy }],
      sessionPolicy,
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: resourcePolicy ?? (hasOwnPolicy.test(action) ? leavesItToAccount(action) : undefined),
      request: {
        action,
        principal,
        resource: { accountId: account, resource },
        contextVariables: context,
      },
    },
    {},
  )
  if (response.resultType === 'error')
    throw new Error(`${action} on ${resource}: ${JSON.stringify(response.errors)}`)
  return response.overallResult === 'Allowed'
}

/** Whether a role of the stack says that another of it may assume it. */
export const isTrusted = async (stack: ResolvedStack, roleArn: string, roleId: string): Promise<boolean> => {
  const { Properties } = stack.resources[roleArn.replace(/.*:role\/[^/]+-/, '')] ?? {}
  return isAllowed(
    [{ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' }],
    { action: 'sts:AssumeRole', resource: roleArn, context: {} },
    {
      principal: `arn:aws:iam::${account}:role/${stack.stackName}-${roleId}`,
      resourcePolicy: Properties?.['AssumeRolePolicyDocument'],
    },
  )
}
