/** Data that JSON can carry, as results and parameters are. */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject
export interface JsonObject {
  [field: string]: JsonValue
}
