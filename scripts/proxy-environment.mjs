// Plain JavaScript that an older Node reads too.

// ALL_PROXY is none of them: Node does not know it.
const names = ['https_proxy', 'http_proxy', 'HTTPS_PROXY', 'HTTP_PROXY']
/** A service on this machine: a proxy would look for it on its own. */
const direct = ['localhost', '127.0.0.1', '::1', '[::1]']

/**
 * The environment by which Node uses the proxy that `env` names, as curl and others do of themselves. `undefined`: there is none, or
 * NODE_USE_ENV_PROXY says already what is to be done.
 */
export const proxyEnvironment = (env) => {
  if (env.NODE_USE_ENV_PROXY !== undefined || !names.some((name) => env[name])) return undefined
  const noProxy = [env.no_proxy || env.NO_PROXY, ...direct].filter(Boolean).join(',')
  return { ...env, NODE_USE_ENV_PROXY: '1', NO_PROXY: noProxy, no_proxy: noProxy }
}
