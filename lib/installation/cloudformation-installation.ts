/**
 * @module cloudformation-installation: an installation as the operator's own AWS credentials reach it: from the SDK's chain of
 * environment, profile, single sign-on and instance.
 */
import { CloudFormationClient } from '@aws-sdk/client-cloudformation'
import { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SQSClient } from '@aws-sdk/client-sqs'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { httpAgents } from '#lib/base/http-agents.ts'
import { cloudformationStack } from './cloudformation-stack.ts'
import { eventbridgeJobRules } from './eventbridge-job-rules.ts'
import { installationNames, type Installation } from './installation.ts'
import { InstallationError } from './installation-error.ts'
import { secretsManagerSecrets } from './secrets-manager-secrets.ts'
import { sqsMadeQueues } from './sqs-made-queues.ts'

export interface InstallationSettings {
  stack: string
  /** Default: of environment or profile. */
  region?: string | undefined
  /** `HTTPS_PROXY` and its like: the SDK by itself takes no heed of them. */
  proxyEnv: NodeJS.ProcessEnv
}

/** A person waits: throttling and faults are tried again by the SDK for about ten seconds. */
const maxAttempts = 5
/** One after another. */
const maxSockets = 4
const connectionTimeoutMs = 10_000
const answerTimeoutMs = 30_000

export interface OpenInstallation {
  installation: Installation
  region: string
  close(): void
}

const regionOf = async (client: CloudFormationClient): Promise<string> => {
  try {
    return await client.config.region()
  } catch (cause) {
    throw new InstallationError('no-region', 'no region was given, and the AWS profile has none', {
      cause,
      hint: 'give --region, or set AWS_REGION',
    })
  }
}

/** @throws InstallationError `invalid-stack-name`, `no-region`. */
export const openInstallation = async (
  { stack, region: given, proxyEnv }: InstallationSettings,
  signal: AbortSignal,
): Promise<OpenInstallation> => {
  const names = installationNames(stack)
  const requestHandler = new NodeHttpHandler({
    ...httpAgents({ maxSockets, proxyEnv }),
    connectionTimeout: connectionTimeoutMs,
    requestTimeout: answerTimeoutMs,
  })
  const config = { maxAttempts, requestHandler, ...(given !== undefined && { region: given }) }
  const client = new CloudFormationClient(config)
  const region = await regionOf(client)
  const depsOf = <Client>(of: Client) => ({ client: of, signal })
  return {
    region,
    installation: {
      stack: cloudformationStack(depsOf(client), stack),
      rules: eventbridgeJobRules(depsOf(new EventBridgeClient(config)), names),
      queues: sqsMadeQueues(depsOf(new SQSClient(config)), names),
      secrets: secretsManagerSecrets(depsOf(new SecretsManagerClient(config)), names),
    },
    close: () => requestHandler.destroy(),
  }
}
