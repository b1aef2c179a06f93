import type { Command } from 'commander'
import * as z from 'zod'
import { parsedJson } from '#lib/base/parsed-json.ts'
import type { Setting } from '../answers.ts'
import { onService, openApi, type ApiOptions } from '../open-api.ts'
import { listed } from '../output/listed.ts'
import { fieldsText } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act } from '../session.ts'

const example = `
Examples:
  $ drover setting list
  $ drover setting set default-backup-target nas`

const valueText = ({ value }: Setting): string => (typeof value === 'string' ? value : JSON.stringify(value))

const shown = (setting: Setting): Outcome => ({
  json: setting,
  text: fieldsText({ setting: setting.name, value: valueText(setting) }),
  handles: [valueText(setting)],
})

const Value = z.union([z.string(), z.number(), z.boolean(), z.null()])

/** JSON, or else a text as it is. */
const parseValue = (text: string) => Value.catch(text).parse(parsedJson(text))

export const addSetting = (parent: Command, act: Act): void => {
  const setting = parent
    .command('setting')
    .description('what is set for the whole service')
    .addHelpText('after', example)
  onService(setting.command('list'))
    .description('list the settings')
    .addHelpText('after', '\nExample:\n  $ drover setting list')
    .action((options: ApiOptions) =>
      act(async (session) =>
        listed((await openApi(session, options)).settings.list(), {
          columns: [
            { title: 'SETTING', value: ({ name }) => name },
            { title: 'VALUE', value: valueText },
          ],
          handle: ({ name }) => name,
          none: 'there are no settings',
        }),
      ),
    )
  onService(setting.command('get'))
    .description('show a setting; with --quiet only its value')
    .argument('<name>', 'name of the setting')
    .addHelpText('after', '\nExample:\n  $ drover setting get backupstore-poll-interval')
    .action((name: string, options: ApiOptions) =>
      act(async (session) => shown(await (await openApi(session, options)).settings.show(name))),
    )
  onService(setting.command('set'))
    .description('change a setting')
    .argument('<name>', 'name of the setting')
    .argument('<value>', 'as JSON: 300, true, null; what is none is taken as a text')
    .addHelpText('after', '\nExample:\n  $ drover setting set backupstore-poll-interval 300')
    .action((name: string, value: string, options: ApiOptions) =>
      act(async (session) =>
        shown(await (await openApi(session, options)).settings.put(name, parseValue(value))),
      ),
    )
  onService(setting.command('reset'))
    .description('put a setting back to its default')
    .argument('<name>', 'name of the setting')
    .addHelpText('after', '\nExample:\n  $ drover setting reset backupstore-poll-interval')
    .action((name: string, options: ApiOptions) =>
      act(async (session) => shown(await (await openApi(session, options)).settings.reset(name))),
    )
}
