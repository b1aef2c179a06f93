import type { Command } from 'commander'
import type { Act } from '../session.ts'
import { addAwsLeftovers } from './aws-leftovers.ts'
import { addAwsUninstall } from './aws-uninstall.ts'

const example = `
Examples:
  $ drover aws leftovers --stack drover --region eu-central-1
  $ drover aws uninstall --stack drover --region eu-central-1`

export const addAws = (parent: Command, act: Act): void => {
  const aws = parent
    .command('aws')
    .description('an installation in an AWS account, with your own AWS credentials')
    .addHelpText('after', example)
  addAwsLeftovers(aws, act)
  addAwsUninstall(aws, act)
}
