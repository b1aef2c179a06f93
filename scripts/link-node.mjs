// Puts the Node that came from npm at node_modules/.bin/node, so that npm scripts and npx run it whatever Node is installed.
// npm 10 loses that link when it cleans up the packages of other platforms, which all name their binary "node".
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

const isWindows = process.platform === 'win32'
const folder = join(import.meta.dirname, '..', 'node_modules')
const platform = isWindows ? 'win' : process.platform
const binary = join(folder, `node-${platform}-${process.arch}`, 'bin', isWindows ? 'node.exe' : 'node')
if (existsSync(binary) && !isWindows) {
  const link = join(folder, '.bin', 'node')
  mkdirSync(join(folder, '.bin'), { recursive: true })
  rmSync(link, { force: true })
  symlinkSync(join('..', `node-${platform}-${process.arch}`, 'bin', 'node'), link)
} else if (!existsSync(binary)) {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 24 || (major === 24 && minor < 2)) {
    console.error(
      `drover needs Node 24.2 or newer; npm has none for ${process.platform}-${process.arch}, and this is ${process.version}`,
    )
    process.exit(1)
  }
}
