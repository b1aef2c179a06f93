/**
 * @module views: what the API gives, where that is not what the catalog keeps.
 */
import * as z from 'zod'
import { AccessToken, Target } from '#lib/catalog/entities.ts'
import {
  Cause,
  Failure,
  OperationProgress,
  operationStates,
  type Operation,
} from '#lib/operation/operation.ts'
import { operationKinds } from '#lib/operation/operation-kinds.ts'

export const OperationView = z.object({
  id: z.string(),
  kind: z.enum(operationKinds),
  cluster: z.string(),
  node: z.string(),
  volume: z.string(),
  parameters: z.record(z.string(), z.unknown()),
  cause: Cause,
  state: z.enum(operationStates),
  isCancelRequested: z.boolean(),
  createdAt: z.string(),
  expiresAt: z.string(),
  heardAt: z.string().nullable(),
  endedAt: z.string().nullable(),
  progress: OperationProgress.nullable(),
  result: z.record(z.string(), z.unknown()).nullable(),
  failure: Failure.nullable(),
})
export type OperationView = z.infer<typeof OperationView>

export const operationView = (operation: Operation): OperationView => {
  const { generation: _, attempt: __, sentAt: ___, sequence: ____, ...shown } = operation
  return shown
}

export const TokenView = AccessToken.omit({ hash: true }).extend({
  /** By which it is deleted. */
  id: z.string(),
})
export type TokenView = z.infer<typeof TokenView>

const idLength = 16

export const tokenView = ({ hash, ...token }: AccessToken): TokenView => ({
  ...token,
  id: hash.slice(0, idLength),
})

/** The token itself: shown once, kept nowhere. */
export const NewTokenView = TokenView.extend({ token: z.string() })
export type NewTokenView = z.infer<typeof NewTokenView>

/** Plain: what OpenAPI can tell. */
export const SettingView = z.object({
  name: z.string(),
  value: z.union([z.string(), z.number(), z.boolean()]).nullable(),
})
export type SettingView = z.infer<typeof SettingView>

export const SecretView = z.object({ name: z.string() })

/** What a look at all of a target found. */
export const IndexView = z.object({
  volumes: z.int(),
  backups: z.int(),
  written: z.int(),
  removed: z.int(),
  problems: z.array(z.string()),
})
export type IndexView = z.infer<typeof IndexView>

/** The target as it was when others were asked to look at it. */
export const LookView = z.union([IndexView, Target])
