/**
 * @module packaged-template: what `npm run package` makes, for the tests that judge it.
 */
import { execFile } from 'node:child_process'
import { glob, readFile, stat } from 'node:fs/promises'
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
  Description: string
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

const sources = ['{lib,functions,infra,scripts}/**/*.{ts,mjs,yml}', 'serverless.yml', 'package-lock.json']

const changedAt = async (path: string): Promise<number> =>
  (await stat(join(root, path)).catch(() => undefined))?.mtimeMs ?? 0

/** Several test files ask for it, one after another. */
const isUpToDate = async (): Promise<boolean> => {
  const packagedAt = await changedAt('dist/drover/template.json')
  for await (const path of glob(sources, { cwd: root }))
    if ((await changedAt(path)) > packagedAt) return false
  return true
}

export const packageAnew = async (): Promise<void> => {
  await promisify(execFile)(process.execPath, [join(root, 'scripts/package.mjs')], { cwd: root })
}

/** Of the sources as they are. */
export const packagedTemplate = async (): Promise<Template> => {
  if (!(await isUpToDate())) await packageAnew()
  return JSON.parse(await readFile(templatePath, 'utf8')) as Template
}
