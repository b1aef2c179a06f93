/**
 * @module independent-reader: docs/restore-without-drover.sh as a judge of what we write. It shares no line with lib.
 */
import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('../docs/restore-without-drover.sh', import.meta.url))

export interface ReaderRun {
  exitCode: number | string | null | undefined
  stdout: string
  stderr: string
}

/** Runs the script with any arguments, and throws nothing for what it answers. */
export const runIndependentReader = (...args: string[]): Promise<ReaderRun> =>
  new Promise((resolve) => {
    execFile('bash', [script, ...args], (error, stdout, stderr) => {
      resolve({ exitCode: error ? error.code : 0, stdout, stderr })
    })
  })

/**
 * Restores one backup to a new file. What the script restores with the note that Longhorn would not is refused here, since a
 * store that we wrote must be one that Longhorn restores.
 */
export const independentRestore = async (
  folder: string,
  volumeName: string,
  backupName: string,
  output: string,
): Promise<void> => {
  const { exitCode, stderr } = await runIndependentReader(folder, volumeName, backupName, output)
  if (exitCode !== 0 || stderr.includes('Longhorn itself')) {
    throw new Error(`independent restore of ${backupName} of ${volumeName} from ${folder}: ${stderr}`)
  }
}

const tools = ['jq', 'lz4', 'gzip', 'sha512sum']

/** Why the script cannot run on this machine; `undefined` when it can. */
export const hasIndependentReader = (): string | undefined => {
  const lookUp = 'for tool; do command -v "$tool" >/dev/null || echo "$tool"; done'
  const { error, stdout } = spawnSync('bash', ['-c', lookUp, 'bash', ...tools], { encoding: 'utf8' })
  const missing = error ? ['bash'] : stdout.split('\n').filter((tool) => tool !== '')
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`
}
