/**
 * @module kubernetes-quantity: numbers as Kubernetes writes them: `2097152`, `2Mi`, `16Mi`, `1.5Gi`, `2e6`.
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
const pattern = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d+))?$/

const binary = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']
const decimal: Record<string, number> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }

/** Its value, rounded up to a whole number as Kubernetes does; `undefined`: it is none. Exact up to 2^53. */
export const parseQuantity = (text: string): number | undefined => {
  const match = pattern.exec(text)
  if (!match) return undefined
  const [, digits = '', binarySuffix = '', decimalSuffix = '', exponent = ''] = match
  const power = decimal[decimalSuffix] ?? Number(exponent)
  return Math.ceil(Number(`${digits}e${power}`) * 1024 ** binary.indexOf(binarySuffix))
}
