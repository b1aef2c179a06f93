import { CodedError } from '#lib/base/errors.ts'

export type CatalogErrorCode =
  | 'item-too-large' // more than one item may have: DynamoDB's limit, kept by every adapter
  | 'invalid-key' // an empty part, or one that is too long
  | 'invalid-cursor' // not one that a query gave
  | 'damaged' // the store itself cannot be read
  | 'unavailable' // the store does not answer, or refuses us; its hint is for who runs it
  | 'busy' // another writer kept winning; try again

export class CatalogError extends CodedError<CatalogErrorCode> {}
