/**
 * @module completion-script: what a shell completes of `drover`: commands, options and the choices of options, read from the commands
 * themselves. The scripts are static: a key press starts no process but the shell's own.
 */
import type { Command } from 'commander'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** By what was typed before: `drover token`, or `drover token create --role`. */
interface Words {
  commands: ReadonlyMap<string, string>
  options: ReadonlyMap<string, string>
  choices: ReadonlyMap<string, string>
}

const longOptions = (command: Command): string[] =>
  command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long }) => (long ? [long] : []))

const withSubcommands = (command: Command, path: string): [path: string, command: Command][] => [
  [path, command],
  ...command.commands.flatMap((sub) => withSubcommands(sub, `${path} ${sub.name()}`)),
]

const choicesIn = ([path, { options }]: [string, Command]): [string, string][] =>
  options.flatMap(({ long, argChoices }): [string, string][] =>
    long && argChoices ? [[`${path} ${long}`, argChoices.join(' ')]] : [],
  )

const nextWords = ({ commands, registeredArguments }: Command): readonly string[] =>
  commands.length > 0 ? commands.map((sub) => sub.name()) : (registeredArguments[0]?.argChoices ?? [])

const wordsOf = (program: Command): Words => {
  const all = withSubcommands(program, program.name())
  const everywhere = longOptions(program)
  return {
    commands: new Map(all.map(([path, command]) => [path, nextWords(command).join(' ')])),
    options: new Map(
      all.map(([path, command]) => [path, [...new Set([...longOptions(command), ...everywhere])].join(' ')]),
    ),
    choices: new Map(all.flatMap(choicesIn)),
  }
}

/** No name of a command or an option has a character that a shell would take for its own. */
const cases = (table: ReadonlyMap<string, string>, write: (typed: string, words: string) => string): string =>
  [...table]
    .filter(([, words]) => words !== '')
    .map(([typed, words]) => write(typed, words))
    .join('\n')

const bashTable = (name: string, table: ReadonlyMap<string, string>): string =>
  `_drover_${name}() {\n  case "$1" in\n${cases(table, (typed, words) => `    '${typed}') echo '${words}' ;;`)}\n  esac\n}`

const bash = ({ commands, options, choices }: Words): string => `${bashTable('commands', commands)}
${bashTable('options', options)}
${bashTable('choices', choices)}
_drover() {
  local typed=drover word at words
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD - 1]}"
  for ((at = 1; at < COMP_CWORD; at++)); do
    word="\${COMP_WORDS[at]}"
    case " $(_drover_commands "$typed") " in *" $word "*) typed="$typed $word" ;; esac
  done
  words="$(_drover_choices "$typed $before")"
  if [ -z "$words" ]; then
    case "$current" in
      -*) words="$(_drover_options "$typed")" ;;
      *) words="$(_drover_commands "$typed")" ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _drover drover`

const zsh = (words: Words): string =>
  `autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n${bash(words)}`

const fishTable = (name: string, table: ReadonlyMap<string, string>): string =>
  `function __drover_${name}\n  switch "$argv[1]"\n${cases(table, (typed, words) => `    case '${typed}'\n      string split ' ' '${words}'`)}\n  end\nend`

const fish = ({ commands, options, choices }: Words): string => `${fishTable('commands', commands)}
${fishTable('options', options)}
${fishTable('choices', choices)}
function __drover_words
  set -l typed drover
  set -l words (commandline -opc)
  for word in $words[2..-1]
    contains -- $word (__drover_commands "$typed"); and set typed "$typed $word"
  end
  set -l choices (__drover_choices "$typed $words[-1]")
  test (count $choices) -gt 0; and printf '%s\\n' $choices; and return
  string match -q -- '-*' (commandline -ct); and __drover_options "$typed"; or __drover_commands "$typed"
end
complete -c drover -a '(__drover_words)'`

const scripts: Record<Shell, (words: Words) => string> = { bash, zsh, fish }

export const completionScript = (shell: Shell, program: Command): string => scripts[shell](wordsOf(program))
