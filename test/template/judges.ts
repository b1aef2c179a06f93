/**
 * @module judges: what third parties say of a template: cfn-lint, and AWS's own validator.
 */
import { spawnSync } from 'node:child_process'
import { RegoEngine, TemplateFile } from '@aws/cloudformation-validate'
import { oraclePath } from '../oracles/own-server.ts'

/** Each finding as `<rule> <resource> <path>: <message>`. */
export const lintFindings = (paths: readonly string[]): Record<string, string[]> => {
  const command = oraclePath('cfn-lint', 'py/bin/cfn-lint')
  const args = ['--regions', 'us-east-1', '--include-checks', 'I3510', '--format', 'json', '-t', ...paths]
  const { stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  if (error ?? stderr) throw new Error(`cfn-lint did not judge: ${stderr}`, { cause: error })
  const found = JSON.parse(stdout || '[]') as {
    Filename: string
    Rule: { Id: string }
    Message: string
    Location: { Path: (string | number)[] | null }
  }[]
  return Object.fromEntries(
    paths.map((path) => [
      path,
      found
        .filter(({ Filename }) => Filename === path)
        .map(({ Rule, Location, Message }) => `${Rule.Id} ${(Location.Path ?? []).join('.')}: ${Message}`),
    ]),
  )
}

/** Of AWS's validator, and why it is none. */
const noise: [finding: RegExp, reason: string][] = [
  [
    /^W9002 \w+ Properties\.SourceArn:/,
    'an ARN made of pseudo parameters is the same everywhere; a rule of run time has no resource',
  ],
  [/^W1001 BucketName /, 'it does not look at the condition of Fn::If in an output; cfn-lint does'],
  [
    /^F3017 Bucket .*KMSMasterKeyID: .*'' does not match/,
    'it takes the default, empty, in a branch whose condition is that it is not empty',
  ],
]

export type Validate = (path: string) => string[]

/** Starting it takes seconds, so one judges all. */
export const awsValidator = (): { findings: Validate; close: () => void } => {
  const engine = new RegoEngine()
  return {
    findings: (path) =>
      engine
        .validateStandard(new TemplateFile(path), {})
        .diagnostics.filter(({ severity }) => severity !== 'INFO')
        .map(
          ({ ruleId, entity, propertyPath, message }) =>
            `${ruleId} ${entity?.logicalId ?? ''} ${propertyPath ?? ''}: ${message}`,
        )
        .filter((finding) => !noise.some(([pattern]) => pattern.test(finding))),
    close: () => engine.free(),
  }
}
