/**
 * @module sdk-failure: what we keep of an error of the AWS SDK: the error itself has the signed request in it, session token included.
 */
export const fieldOf = (value: unknown, field: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, field) : undefined

/** Of AWS's JSON services: who asks is not known to them. By name. */
export const credentialErrors = [
  'ExpiredTokenException',
  'CredentialsProviderError',
  'UnrecognizedClientException',
  'MissingAuthenticationTokenException',
  'InvalidSignatureException',
  'IncompleteSignatureException',
] as const

const textIn = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
const numberIn = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined)

export class SdkFailure extends Error {
  /** Of HTTP; undefined: there was no answer. */
  readonly status: number | undefined
  readonly requestId: string | undefined
  /** Of the connection: `ECONNRESET`. */
  readonly errno: string | undefined
  /** How often it was asked. */
  readonly attempts: number | undefined

  constructor(error: unknown, message = error instanceof Error ? error.message : String(error)) {
    super(message)
    const metadata = fieldOf(error, '$metadata')
    this.name = error instanceof Error ? error.name : 'Error'
    this.status = numberIn(fieldOf(metadata, 'httpStatusCode'))
    this.requestId = textIn(fieldOf(metadata, 'requestId'))
    this.errno = textIn(fieldOf(error, 'code'))
    this.attempts = numberIn(fieldOf(metadata, 'attempts'))
  }
}
