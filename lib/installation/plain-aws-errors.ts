/**
 * @module plain-aws-errors: what AWS and the SDK's search for credentials say, in words that an operator can act on.
 *
 * Services name the same fault differently, so names are told by pattern.
 * Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html, and those of the other services.
 */
import { InstallationError, type InstallationErrorCode } from './installation-error.ts'

/** What we keep of an error: the SDK's has the signed request in it. */
class AwsFailure extends Error {
  constructor({ name, message }: Error) {
    super(message)
    this.name = name
  }
}

interface Fault {
  pattern: RegExp
  code: InstallationErrorCode
  says: (action: string, message: string) => string
  hint: (action: string) => string
}

/** The first that fits. Patterns are of `name: message`. */
const faults: readonly Fault[] = [
  {
    pattern: /^(CredentialsProviderError|TokenProviderError): .*(expired|invalid)/is,
    code: 'credentials-expired',
    says: (_action, message) => `the AWS credentials are no longer good: ${message}`,
    hint: () => 'sign in again, as with "aws sso login"',
  },
  {
    pattern: /^(CredentialsProviderError|TokenProviderError): /,
    code: 'no-credentials',
    says: (_action, message) => `no AWS credentials were found: ${message}`,
    hint: () =>
      'set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; "aws sts get-caller-identity" tells whether it works',
  },
  {
    pattern: /Signature (expired|not yet current)|TimeTooSkewed/i,
    code: 'credentials-refused',
    says: (_action, message) => `AWS refuses the time of this machine: ${message}`,
    hint: () => "set this machine's clock",
  },
  {
    pattern: /^(ExpiredToken|ExpiredTokenException|RequestExpired): /,
    code: 'credentials-expired',
    says: () => 'the AWS credentials have expired',
    hint: () => 'get new ones, as with "aws sso login", or take those that AWS_SESSION_TOKEN belongs to',
  },
  {
    pattern:
      /^(UnrecognizedClient|InvalidClientTokenId|SignatureDoesNotMatch|InvalidSignature|InvalidAccessKeyId|IncompleteSignature|AuthFailure)/,
    code: 'credentials-refused',
    says: (_action, message) => `AWS does not take the credentials: ${message}`,
    hint: () => 'check them with "aws sts get-caller-identity"',
  },
  {
    pattern: /^(AccessDenied|AccessDeniedException|NotAuthorized|AuthorizationError|UnauthorizedOperation)/,
    code: 'not-allowed',
    says: (action, message) => `these AWS credentials may not do ${action}: ${message}`,
    hint: (action) => `allow ${action}; docs/deploy-aws.md lists what these commands take`,
  },
  {
    pattern: /^(Throttling|ThrottlingException|TooManyRequests|RequestThrottled|SlowDown)/,
    code: 'busy',
    says: (action, message) => `AWS throttles ${action}: ${message}`,
    hint: () => 'run the command again in a while: it goes on where it was',
  },
]

const statusOf = (error: object): unknown => {
  const metadata: unknown = Reflect.get(error, '$metadata')
  return typeof metadata === 'object' && metadata !== null
    ? Reflect.get(metadata, 'httpStatusCode')
    : undefined
}

const codeOf = (error: Error): string =>
  'code' in error && typeof error.code === 'string' ? error.code : error.message || error.name

/** `action` is IAM's name of what was asked for: `events:ListRules`. */
export const plainError = (action: string, error: unknown): unknown => {
  if (!(error instanceof Error) || error instanceof InstallationError) return error
  const cause = new AwsFailure(error)
  const fault = faults.find(({ pattern }) => pattern.test(`${error.name}: ${error.message}`))
  if (fault)
    return new InstallationError(fault.code, fault.says(action, error.message), {
      cause,
      hint: fault.hint(action),
    })
  if (statusOf(error) === undefined && error.name !== 'ValidationError')
    return new InstallationError('unreachable', `AWS does not answer ${action}: ${codeOf(error)}`, {
      cause,
      hint: 'check the region, the network, and HTTPS_PROXY',
    })
  return new InstallationError('failed', `AWS refuses ${action}: ${error.message}`, { cause })
}

/** @throws InstallationError; what the signal was aborted with. */
export const plainly = async <T>(action: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    signal.throwIfAborted()
    throw plainError(action, error)
  }
}
