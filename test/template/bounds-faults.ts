/**
 * @module bounds-faults: whether what is paid for, or counted, has its bound: how long logs are kept, traces, requests of anybody; and
 * that the one function that is to call itself is not stopped by such a bound.
 */
import { isDeepStrictEqual } from 'node:util'
import type { JsonRecord } from './packaged-template.ts'
import type { ResolvedStack } from './resolved-stack.ts'
import { ofType } from './wiring-faults.ts'

export interface WantedBounds {
  logDays: string
  tracing: 'Active' | 'PassThrough'
}

const logFaults = (stack: ResolvedStack, { logDays }: WantedBounds): string[] =>
  ofType(stack, 'AWS::Logs::LogGroup')
    .filter(([, { Properties }]) => Properties['RetentionInDays'] !== logDays)
    .map(([id]) => `${id} is not kept for ${logDays} days`)

const traceFaults = (stack: ResolvedStack, { tracing }: WantedBounds): string[] =>
  ofType(stack, 'AWS::Lambda::Function')
    .filter(([, { Properties }]) => !isDeepStrictEqual(Properties['TracingConfig'], { Mode: tracing }))
    .map(([id]) => `traces of ${id} are not ${tracing}`)

const requestFaults = (stack: ResolvedStack): string[] =>
  ofType(stack, 'AWS::ApiGatewayV2::Stage')
    .filter(([, { Properties }]) => {
      const { ThrottlingBurstLimit, ThrottlingRateLimit } = (Properties['DefaultRouteSettings'] ??
        {}) as JsonRecord
      return !(Number(ThrottlingBurstLimit) > 0 && Number(ThrottlingRateLimit) > 0)
    })
    .map(([id]) => `anybody may call ${id} without end`)

const mayLoop = ['PerformOperationLambdaFunction']

const loopFaults = (stack: ResolvedStack): string[] => {
  const allowed = ofType(stack, 'AWS::Lambda::Function')
    .filter(([, { Properties }]) => Properties['RecursiveLoop'] === 'Allow')
    .map(([id]) => id)
  return isDeepStrictEqual(allowed, mayLoop)
    ? []
    : [`functions that may call themselves: ${allowed.join(', ')}`]
}

export const boundsFaults = (stack: ResolvedStack, wanted: WantedBounds): string[] => [
  ...logFaults(stack, wanted),
  ...traceFaults(stack, wanted),
  ...requestFaults(stack),
  ...loopFaults(stack),
]
