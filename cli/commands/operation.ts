import type { Command } from 'commander'
import { onService, openApi, type ApiOptions } from '../open-api.ts'
import { outcomeOf } from '../operate.ts'
import { parseCount, parseNotEmpty } from '../options.ts'
import { listed } from '../output/listed.ts'
import { operationColumns, operationFields } from '../output/operation-view.ts'
import { fieldsText } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'
import { clusterOption, volumeReference, type ClusterOptions } from '../volume-reference.ts'
import { waitFor } from '../wait-for.ts'

interface ListOptions extends ApiOptions, ClusterOptions {
  open?: boolean
  volume?: string
  limit: number
}

const example = `
Examples:
  $ drover operation list --open
  $ drover operation watch 20260101T023000Z_create-backup_5d1f0c7a9be24c63`

const list = async (session: Session, options: ListOptions): Promise<Outcome> => {
  const { open, volume, limit } = options
  const of = volume === undefined ? {} : volumeReference(volume, options)
  const client = await openApi(session, options)
  const source = client.operations.list({ ...of, state: open ? 'open' : 'all' })
  return listed(source, {
    columns: operationColumns,
    handle: ({ id }) => id,
    none: open ? 'nothing is under way' : 'there are no operations',
    limit,
  })
}

const cancel = async (session: Session, id: string, options: ApiOptions): Promise<Outcome> => {
  const operation = await (await openApi(session, options)).operations.cancel(id)
  return { json: operation, text: fieldsText(operationFields(operation)), handles: [id] }
}

const watch = async (session: Session, id: string, options: ApiOptions): Promise<Outcome> => {
  const client = await openApi(session, options)
  const first = await client.operations.show(id)
  return outcomeOf(await waitFor(session, client, first))
}

export const addOperation = (parent: Command, act: Act): void => {
  const operation = parent
    .command('operation')
    .description('what the service does, and did')
    .addHelpText('after', example)
  onService(operation.command('list'))
    .description('list operations, newest first; with --quiet only their ids')
    .option('--open', 'only those that have not ended')
    .option('--volume <volume>', 'only of this volume', parseNotEmpty)
    .addOption(clusterOption('the cluster of --volume (default: as everywhere)'))
    .option('--limit <count>', 'at most so many', parseCount, 50)
    .addHelpText('after', '\nExample:\n  $ drover operation list --volume web')
    .action((options: ListOptions) => act((session) => list(session, options)))
  onService(operation.command('show'))
    .description('show an operation')
    .argument('<id>', 'id of the operation')
    .addHelpText(
      'after',
      '\nExample:\n  $ drover operation show 20260101T023000Z_create-backup_5d1f0c7a9be24c63',
    )
    .action((id: string, options: ApiOptions) =>
      act(async (session) => {
        const shown = await (await openApi(session, options)).operations.show(id)
        return { json: shown, text: fieldsText(operationFields(shown)), handles: [shown.state] }
      }),
    )
  onService(operation.command('cancel'))
    .description('tell an operation to end; one that has ended stays as it is')
    .argument('<id>', 'id of the operation')
    .addHelpText(
      'after',
      '\nExample:\n  $ drover operation cancel 20260101T023000Z_create-backup_5d1f0c7a9be24c63',
    )
    .action((id: string, options: ApiOptions) => act((session) => cancel(session, id, options)))
  onService(operation.command('watch'))
    .description('show the progress of an operation, and end with it')
    .argument('<id>', 'id of the operation')
    .addHelpText(
      'after',
      '\nExample:\n  $ drover operation watch 20260101T023000Z_create-backup_5d1f0c7a9be24c63',
    )
    .action((id: string, options: ApiOptions) => act((session) => watch(session, id, options)))
}
