/** The control plane's own worker, as an operation names it: for work on stores alone. No node may be called that. */
export const controlPlaneNode = 'control-plane'
