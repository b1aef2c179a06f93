/**
 * @module mounts: where a device is mounted, and where its node is bound for a workload that wants the device itself.
 */
import { basename } from 'node:path'
import * as z from 'zod'
import type { Host } from './host.ts'

const Mount = z.object({
  target: z.string(),
  source: z.string().nullable(),
  fstype: z.string(),
  options: z.string(),
  fsroot: z.string(),
})
const MountList = z.object({ filesystems: z.array(Mount) })

export interface DeviceMount {
  target: string
  fileSystem: string
  isReadOnly: boolean
}

export interface DeviceUse {
  /** Of its file system. */
  mounts: DeviceMount[]
  /** Of the device's node itself. */
  publishedAt: string[]
}

const columns = 'TARGET,SOURCE,FSTYPE,OPTIONS,FSROOT'

export const useOfDevice = async (host: Host, device: string): Promise<DeviceUse> => {
  const text = await host.ask('findmnt', ['--json', '--list', '--nofsroot', '--output', columns])
  const all = MountList.parse(JSON.parse(text)).filesystems
  return {
    mounts: all
      .filter(({ source, fstype }) => source === device && fstype !== 'devtmpfs')
      .map(({ target, fstype, options }) => ({
        target,
        fileSystem: fstype,
        isReadOnly: options.split(',').includes('ro'),
      })),
    publishedAt: all
      .filter(({ fstype, fsroot }) => fstype === 'devtmpfs' && fsroot === `/${basename(device)}`)
      .map(({ target }) => target),
  }
}

/** Freezing or syncing one freezes or syncs the file system, wherever else it is mounted. */
export const writableMountOf = async (host: Host, device: string): Promise<DeviceMount | undefined> =>
  (await useOfDevice(host, device)).mounts.find(({ isReadOnly }) => !isReadOnly)
