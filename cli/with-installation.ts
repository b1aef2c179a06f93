/**
 * @module with-installation: which installation on AWS a command is about, and as whom it is reached: by the AWS credentials of whoever
 * runs it, never by a token of Drover.
 */
import { Option, type Command } from 'commander'
import type { OpenInstallation } from '#lib/installation/cloudformation-installation.ts'
import { InstallationError } from '#lib/installation/installation-error.ts'
import { parseNotEmpty } from './options.ts'
import type { Session } from './session.ts'
import { awsProfile, environment } from './settings.ts'

export interface InstallationOptions {
  stack: string
  region?: string
}

export const onInstallation = (command: Command): Command =>
  command
    .addOption(
      new Option('--stack <name>', 'its CloudFormation stack').argParser(parseNotEmpty).makeOptionMandatory(),
    )
    .addOption(
      new Option(
        '--region <region>',
        'where it is (default: the environment variable AWS_REGION, or that of the AWS profile)',
      ).argParser(parseNotEmpty),
    )

/** The SDK's own words do not name the profile that it was told to take. */
const namingProfile = (error: unknown): unknown => {
  const profile = awsProfile()
  if (!(error instanceof InstallationError) || error.code !== 'no-credentials' || profile === undefined)
    return error
  return new InstallationError('no-credentials', `AWS profile ${profile} gives no credentials`, {
    cause: error,
    hint: `AWS_PROFILE names it: "aws configure list-profiles" tells which there are, "aws sts get-caller-identity --profile ${profile}" whether it works`,
  })
}

/** @throws InstallationError. */
export const withInstallation = async <T>(
  { signal }: Pick<Session, 'signal'>,
  { stack, region }: InstallationOptions,
  work: (open: OpenInstallation) => Promise<T>,
): Promise<T> => {
  // The SDK's clients take long to load: help and wrong usage do not wait for them.
  const { openInstallation } = await import('#lib/installation/cloudformation-installation.ts')
  const open = await openInstallation({ stack, region, proxyEnv: environment() }, signal)
  try {
    return await work(open)
  } catch (error) {
    throw namingProfile(error)
  } finally {
    open.close()
  }
}
