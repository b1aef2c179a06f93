// Plain JavaScript that an older Node reads too: whichever one runs this, Drover goes on in Node 24, which npm brought along.
import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import module from 'node:module'
import { setFlagsFromString } from 'node:v8'
import { fileURLToPath } from 'node:url'

const pathOf = (relative) => fileURLToPath(new URL(relative, import.meta.url))

/** `program` is the file that was called, `main` what it does: both as URLs. */
export const onNode24 = async (program, main) => {
  const local = pathOf('../node_modules/.bin/node')
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 24 || (major === 24 && minor >= 2)) {
    // Few objects live long here; without it V8 lets the space for young ones grow by 20 MiB and more.
    setFlagsFromString('--semi-space-growth-factor=1')
    // Starts three times as fast. Not in the common temporary folder, where others could put what root then runs.
    module.enableCompileCache?.(pathOf('../node_modules/.cache/drover'))
    await import(main)
  } else if (existsSync(local) && realpathSync(local) !== realpathSync(process.execPath)) {
    const child = spawn(local, [fileURLToPath(program), ...process.argv.slice(2)], { stdio: 'inherit' })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
    child.on('exit', (code) => process.exit(code ?? 1))
  } else {
    console.error(`drover: Node 24.2 or newer is needed, and this is ${process.version}`)
    console.error(`  hint: run "npm install" in ${pathOf('..')}, which brings one`)
    process.exit(1)
  }
}
