// Plain JavaScript that an older Node reads too: whichever one runs this, Drover goes on in Node 24, which npm brought along.
import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import http from 'node:http'
import module from 'node:module'
import { setFlagsFromString } from 'node:v8'
import { fileURLToPath } from 'node:url'
import { proxyEnvironment } from './proxy-environment.mjs'

const pathOf = (relative) => fileURLToPath(new URL(relative, import.meta.url))

const isThere = (binary) => existsSync(binary) && realpathSync(binary) !== realpathSync(process.execPath)

const goOnIn = (binary, program, env) => {
  const child = spawn(binary, [fileURLToPath(program), ...process.argv.slice(2)], { stdio: 'inherit', env })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code) => process.exit(code ?? 1))
}

const useProxy = (env) => {
  try {
    http.setGlobalProxyFromEnv(env)
  } catch (error) {
    console.error(`drover: the proxy cannot be used: ${error.message}`)
    console.error('  hint: write HTTPS_PROXY and HTTP_PROXY as http://proxy.example.com:3128')
    process.exit(1)
  }
}

/** `program` is the file that was called, `main` what it does: both as URLs. */
export const onNode24 = async (program, main) => {
  const local = pathOf('../node_modules/.bin/node')
  const [major, minor] = process.versions.node.split('.').map(Number)
  const isNewEnough = major > 24 || (major === 24 && minor >= 2)
  const proxied = proxyEnvironment(process.env)
  if (isNewEnough && (!proxied || http.setGlobalProxyFromEnv)) {
    if (proxied) useProxy(proxied)
    // Few objects live long here; without it V8 lets the space for young ones grow by 20 MiB and more.
    setFlagsFromString('--semi-space-growth-factor=1')
    // Starts three times as fast. Not in the common temporary folder, where others could put what root then runs.
    module.enableCompileCache?.(pathOf('../node_modules/.cache/drover'))
    await import(main)
  } else if (isNewEnough) {
    // Before 24.14 a proxy is told at the start alone.
    goOnIn(process.execPath, program, proxied)
  } else if (isThere(local)) {
    goOnIn(local, program, process.env)
  } else {
    console.error(`drover: Node 24.2 or newer is needed, and this is ${process.version}`)
    console.error(`  hint: run "npm install" in ${pathOf('..')}, which brings one`)
    process.exit(1)
  }
}
