import { type Command, CommanderError } from 'commander'

type Parsed =
  | { readonly kind: 'parsed' | 'help' }
  | { readonly kind: 'refused'; readonly message: string; readonly code: string | undefined }

/** Parses for a command and its subcommands; usage goes to stderr, so that stdout stays for the result. */
export function parseCommandLine(command: Command, argv: readonly string[]): Parsed {
  for (const each of [command, ...command.commands]) {
    each
      .allowExcessArguments(false)
      .exitOverride()
      .configureOutput({ writeOut: (text) => process.stderr.write(text), writeErr: () => {} })
  }
  try {
    command.parse([...argv], { from: 'user' })
    return { kind: 'parsed' }
  } catch (error) {
    const code = error instanceof CommanderError ? error.code : undefined
    // Asked for as `help` or `help <command>`; without any command the same code says that one is missing.
    const isAsked = code === 'commander.helpDisplayed' || (code === 'commander.help' && argv.length > 0)
    if (isAsked) return { kind: 'help' }
    const message = error instanceof Error ? error.message : 'The arguments could not be read.'
    return { kind: 'refused', message, code }
  }
}
