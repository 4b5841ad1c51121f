import { Command, InvalidArgumentError } from 'commander'
import { ok, type Result, refuse } from '../domain/result.ts'
import { parseCommandLine } from './parse-command-line.ts'

export type VaultArguments =
  | { readonly command: 'status' | 'verify'; readonly from: string | undefined; readonly json: boolean }
  | { readonly command: 'rotate' }
  | { readonly command: 'retire'; readonly version: number }
  | { readonly command: 'help' }

/** Reads the command line of `npm run vault`; usage goes to stderr. */
export function readVaultArguments(argv: readonly string[]): Result<VaultArguments> {
  let asked: VaultArguments = { command: 'help' }
  const program = new Command('npm run vault --').description('Looks after the keys and the vault.')
  program
    .command('status')
    .description('Says whether the vault is open, and which versions of the master key there are.')
    .option('--json', 'print one JSON object on stdout', false)
    .action(({ json }: { json: boolean }) => {
      asked = { command: 'status', from: undefined, json }
    })
  program
    .command('rotate')
    .description('Re-wraps every key under a new version of the master key, or goes on with that.')
    .action(() => {
      asked = { command: 'rotate' }
    })
  program
    .command('retire')
    .description('Removes an old version of the master key that nothing needs.')
    .argument('<version>', 'its number', (text: string) => {
      if (!/^[1-9]\d{0,8}$/.test(text))
        throw new InvalidArgumentError('It is a number, as `status` shows it.')
      return Number(text)
    })
    .action((version: number) => {
      asked = { command: 'retire', version }
    })
  program
    .command('verify')
    .description('Reads and authenticates every object to its last byte.')
    .option('--from <owner>', 'leave out the owners before this one')
    .option('--json', 'print one JSON object on stdout', false)
    .action(({ from, json }: { from?: string; json: boolean }) => {
      asked = { command: 'verify', from, json }
    })
  const parsed = parseCommandLine(program, argv)
  if (parsed.kind === 'help') return ok({ command: 'help' })
  if (parsed.kind === 'refused') {
    const isUnsaid = parsed.code === 'commander.help'
    return refuse('invalid', isUnsaid ? 'Say what to do: status, rotate, retire or verify.' : parsed.message)
  }
  return ok(asked)
}
