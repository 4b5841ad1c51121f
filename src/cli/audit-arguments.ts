import { Command } from 'commander'
import { ok, type Result, refuse } from '../domain/result.ts'
import { parseCommandLine } from './parse-command-line.ts'

export type AuditArguments =
  | { readonly kind: 'help' }
  | { readonly kind: 'verify'; readonly json: boolean; readonly keyFile: string | undefined }
  | { readonly kind: 'receipt'; readonly requestId: string }
  | { readonly kind: 'prove'; readonly seq: number }
  | { readonly kind: 'dump' }

/** Reads the command line of `npm run audit`; usage goes to stderr, so that stdout stays for the result. */
export function readAuditArguments(argv: readonly string[]): Result<AuditArguments> {
  let asked: AuditArguments | undefined
  const command = new Command('npm run audit --').description(
    'The audit log: whether it is whole, and proofs.',
  )
  command
    .command('verify')
    .description('Reads every entry and checkpoint. Exit 0: whole, 1: tampered, 2: incomplete, 3: not known.')
    .option('--json', 'print one JSON object on stdout', false)
    .option('--key <file>', 'a verifier key kept elsewhere')
    .action(({ json, key }: { json: boolean; key?: string }) => {
      asked = { kind: 'verify', json, keyFile: key }
    })
  command
    .command('receipt')
    .description('The entries of a request, each with the proof that it is in the log.')
    .argument('<requestId>')
    .action((requestId: string) => {
      asked = { kind: 'receipt', requestId }
    })
  command
    .command('prove')
    .description('One entry with the proof that it is in the log.')
    .argument('<seq>')
    .action((seq: string) => {
      asked = { kind: 'prove', seq: Number(seq) }
    })
  command
    .command('dump')
    .description('Every entry as one line of JSON, for another verifier.')
    .action(() => {
      asked = { kind: 'dump' }
    })
  const parsed = parseCommandLine(command, argv)
  if (parsed.kind === 'help') return ok({ kind: 'help' })
  if (parsed.kind === 'refused')
    return refuse('invalid', argv.length > 0 ? parsed.message : 'Say verify, receipt, prove or dump.')
  if (asked === undefined) return refuse('invalid', 'Say verify, receipt, prove or dump.')
  if (asked.kind === 'prove' && !(Number.isSafeInteger(asked.seq) && asked.seq > 0)) {
    return refuse('invalid', 'The number of an entry is a whole number from 1.')
  }
  return ok(asked)
}
