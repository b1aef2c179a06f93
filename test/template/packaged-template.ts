/**
 * @module packaged-template: what `npm run package` makes, for the tests that judge it.
 */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
export type JsonRecord = Record<string, Json>

/** For names: what is no text shows as what it is. */
export const plain = (value: Json | undefined): string =>
  typeof value === 'string' ? value : JSON.stringify(value ?? null)

export interface Resource {
  Type: string
  Condition?: string
  DependsOn?: string[]
  DeletionPolicy?: string
  UpdateReplacePolicy?: string
  Properties: JsonRecord
}

export interface Template {
  Parameters: Record<string, { Type: string; Default?: string | number }>
  Conditions: JsonRecord
  Resources: Record<string, Resource>
  Outputs: Record<string, { Condition?: string; Value: Json }>
  Metadata: JsonRecord
}

const root = join(import.meta.dirname, '../..')
export const packageFolder = join(root, 'dist/drover')
export const bundleFolder = join(root, 'dist/functions')
export const templatePath = join(packageFolder, 'template.json')

/** Rendered anew from the sources. */
export const packagedTemplate = async (): Promise<Template> => {
  await promisify(execFile)(process.execPath, [join(root, 'scripts/package.mjs')], { cwd: root })
  return JSON.parse(await readFile(templatePath, 'utf8')) as Template
}
