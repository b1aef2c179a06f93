export const proxyEnvironment: (env: NodeJS.ProcessEnv) => NodeJS.ProcessEnv | undefined
