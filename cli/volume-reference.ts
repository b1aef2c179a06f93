/**
 * @module volume-reference: a volume of a cluster, as arguments name it: `web`, or `standby/web`.
 */
import { Option } from 'commander'
import type { ApiClient } from '#lib/api/client.ts'
import { parseNotEmpty } from './options.ts'
import { givenCluster } from './settings.ts'
import { UsageError } from './usage-error.ts'

export interface ClusterOptions {
  cluster?: string
}

export interface VolumeReference {
  cluster: string
  volume: string
}

export const clusterOption = (
  what = 'the cluster (default: the environment variable DROVER_CLUSTER, or primary)',
): Option => new Option('--cluster <name>', what).argParser(parseNotEmpty)

export const clusterOf = ({ cluster = givenCluster() }: ClusterOptions): string => cluster ?? 'primary'

/** Of a list, which is of all clusters where none was given. @throws RequestError: there is no such cluster. */
export const listedCluster = async (
  { clusters }: Pick<ApiClient, 'clusters'>,
  { cluster = givenCluster() }: ClusterOptions,
): Promise<string | undefined> => {
  if (cluster !== undefined) await clusters.show(cluster)
  return cluster
}

export const listedClusterOption = (): Option =>
  clusterOption('only of this cluster (default: the environment variable DROVER_CLUSTER, or all)')

/** @throws UsageError. */
export const volumeReference = (text: string, options: ClusterOptions = {}): VolumeReference => {
  const [first = '', second, ...more] = text.split('/')
  if (first === '' || second === '' || more.length > 0)
    throw new UsageError('wrong-usage', `${JSON.stringify(text)} names no volume`, {
      hint: 'write it as web, or with its cluster as standby/web',
    })
  if (second === undefined) return { cluster: clusterOf(options), volume: first }
  if (options.cluster !== undefined && options.cluster !== first)
    throw new UsageError('wrong-usage', `${text} is in another cluster than --cluster ${options.cluster}`, {
      hint: 'give one of the two',
    })
  return { cluster: first, volume: second }
}
