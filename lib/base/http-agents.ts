/**
 * @module http-agents: connections that are kept, straight or through a proxy, for the clients of services.
 */
import { Agent as HttpAgent, type AgentOptions } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { SecureContext } from 'node:tls'

export interface HttpAgentsSettings {
  maxSockets: number
  /** With `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`, in upper or lower case. Absent: no proxy, whatever this process's environment says. */
  proxyEnv?: Readonly<Record<string, string | undefined>> | undefined
  /** Absent: the system's. */
  secureContext?: SecureContext | undefined
}

export interface HttpAgents {
  httpAgent: HttpAgent
  httpsAgent: HttpsAgent
}

export const httpAgents = ({ maxSockets, proxyEnv, secureContext }: HttpAgentsSettings): HttpAgents => {
  const options: AgentOptions = { keepAlive: true, maxSockets }
  if (proxyEnv) options.proxyEnv = proxyEnv
  return {
    httpAgent: new HttpAgent(options),
    httpsAgent: new HttpsAgent(secureContext ? { ...options, secureContext } : options),
  }
}
