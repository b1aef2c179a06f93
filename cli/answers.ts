/**
 * @module answers: what the service gives, by name: as its client says.
 */
import type { ApiClient } from '#lib/api/client.ts'

type Shown<Part extends { show: (...args: never[]) => Promise<unknown> }> = Awaited<ReturnType<Part['show']>>
type Listed<List extends (...args: never[]) => AsyncIterable<unknown>> =
  ReturnType<List> extends AsyncIterable<infer Item> ? Item : never

export type Cluster = Shown<ApiClient['clusters']>
export type Node = Shown<ApiClient['nodes']>
export type Volume = Shown<ApiClient['volumes']>
export type Snapshot = Listed<ApiClient['snapshots']['list']>
export type Target = Shown<ApiClient['targets']>
export type Backup = Shown<ApiClient['backups']>
export type BackupVolume = Listed<ApiClient['backups']['listVolumes']>
export type Job = Shown<ApiClient['jobs']>
export type Run = Listed<ApiClient['jobs']['runs']>
export type Operation = Shown<ApiClient['operations']>
export type Setting = Shown<ApiClient['settings']>
export type Token = Listed<ApiClient['tokens']['list']>
