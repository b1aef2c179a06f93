import { Argument, type Command } from 'commander'
import { completionScript, shells, type Shell } from '../completion-script.ts'
import type { Act } from '../session.ts'

const example = `
Examples:
  $ source <(drover completion bash)
  $ drover completion fish > ~/.config/fish/completions/drover.fish

Put the first one into ~/.bashrc; with zsh the same of "drover completion zsh" into ~/.zshrc.`

export const addCompletion = (program: Command, act: Act): Command =>
  program
    .command('completion')
    .description('print a script by which a shell completes commands and options')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .addHelpText('after', example)
    .action((shell: Shell) =>
      act(async () => {
        const script = completionScript(shell, program)
        return { json: { shell, script }, text: script, handles: [script] }
      }),
    )
