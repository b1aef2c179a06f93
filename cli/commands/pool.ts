import type { Command } from 'commander'
import type { Act } from '../session.ts'
import { addPoolInit } from './pool-init.ts'
import { addPoolSnapshotCreate } from './pool-snapshot-create.ts'
import { addPoolSnapshotDelete } from './pool-snapshot-delete.ts'
import { addPoolSnapshotDiff } from './pool-snapshot-diff.ts'
import { addPoolSnapshotList } from './pool-snapshot-list.ts'
import { addPoolSnapshotRevert } from './pool-snapshot-revert.ts'
import { addPoolStatus } from './pool-status.ts'
import { addPoolVolumeAttach } from './pool-volume-attach.ts'
import { addPoolVolumeCreate } from './pool-volume-create.ts'
import { addPoolVolumeDelete } from './pool-volume-delete.ts'
import { addPoolVolumeDetach } from './pool-volume-detach.ts'
import { addPoolVolumeExpand } from './pool-volume-expand.ts'
import { addPoolVolumeList } from './pool-volume-list.ts'

const example = `
Examples:
  $ export DROVER_POOL=/srv/drover
  $ drover pool init /srv/drover
  $ drover pool volume create web --size 20Gi
  $ drover pool volume attach web

Refused while another process, as a node's agent, has the pool. Devices take root.`

const volumeExample = `
Examples:
  $ drover pool volume create web --size 20Gi
  $ drover pool volume list`

const snapshotExample = `
Examples:
  $ drover pool snapshot create web before-upgrade
  $ drover pool snapshot list web`

/** Add themselves to a command. */
const ofVolumes = [
  addPoolVolumeCreate,
  addPoolVolumeAttach,
  addPoolVolumeDetach,
  addPoolVolumeExpand,
  addPoolVolumeDelete,
  addPoolVolumeList,
]
const ofSnapshots = [
  addPoolSnapshotCreate,
  addPoolSnapshotList,
  addPoolSnapshotRevert,
  addPoolSnapshotDelete,
  addPoolSnapshotDiff,
]

export const addPool = (parent: Command, act: Act): void => {
  const pool = parent
    .command('pool')
    .description('volumes on this machine, and their snapshots')
    .addHelpText('after', example)
  addPoolInit(pool, act)
  addPoolStatus(pool, act)
  const volume = pool
    .command('volume')
    .description('make, attach, expand, list and delete volumes')
    .addHelpText('after', volumeExample)
  for (const add of ofVolumes) add(volume, act)
  const snapshot = pool
    .command('snapshot')
    .description('take, list, compare and delete snapshots of volumes, and go back to them')
    .addHelpText('after', snapshotExample)
  for (const add of ofSnapshots) add(snapshot, act)
}
