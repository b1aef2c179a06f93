/**
 * @module minio-sessions: MinIO's STS in the place of AWS's, for sessions on S3, which MinIO then enforces. It refuses a policy that
 * speaks of anything but S3, so what is said of KMS is left out on the way: a simulator of IAM judges that.
 */
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import * as z from 'zod'
import type { Minio } from '#test/oracles/minio.ts'
import type { AwsCall } from './aws-calls.ts'
import type { Answer } from './aws-proxy.ts'

const Policy = z.object({ Version: z.string(), Statement: z.array(z.looseObject({ Action: z.unknown() })) })

const aboutS3 = (text: string): string => {
  const { Version, Statement } = Policy.parse(JSON.parse(text))
  return JSON.stringify({
    Version,
    Statement: Statement.filter(({ Action }) => !JSON.stringify(Action).includes('kms:')),
  })
}

const element = (name: string, content: string): string => `<${name}>${content}</${name}>`

/** @throws whatever MinIO refuses. */
export const minioSession = async (minio: Minio, { input }: AwsCall): Promise<Answer> => {
  const client = new STSClient({
    region: 'us-east-1',
    endpoint: minio.endpoint,
    credentials: { accessKeyId: minio.accessKey, secretAccessKey: minio.secretKey },
  })
  const { Credentials } = await client
    .send(
      new AssumeRoleCommand({
        RoleArn: String(input['RoleArn']),
        RoleSessionName: String(input['RoleSessionName']),
        DurationSeconds: Number(input['DurationSeconds']),
        Policy: aboutS3(String(input['Policy'])),
      }),
    )
    .finally(() => client.destroy())
  const credentials = [
    element('AccessKeyId', Credentials?.AccessKeyId ?? ''),
    element('SecretAccessKey', Credentials?.SecretAccessKey ?? ''),
    element('SessionToken', Credentials?.SessionToken ?? ''),
    element('Expiration', Credentials?.Expiration?.toISOString() ?? ''),
  ].join('')
  const result = element('AssumeRoleResult', element('Credentials', credentials))
  const body = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${result}</AssumeRoleResponse>`
  return { status: 200, body }
}
