import { Command } from 'commander'
import { type DemoProcess, demoProcesses, isDemoProcess } from '../demo/place.ts'
import { ok, type Result, refuse } from '../domain/result.ts'
import { parseCommandLine } from './parse-command-line.ts'

export type DemoArguments =
  | { readonly kind: 'help' }
  | { readonly kind: 'clean' }
  | { readonly kind: 'status' }
  | { readonly kind: 'run'; readonly portalUrl: string }
  | { readonly kind: 'break'; readonly process: DemoProcess }
  | { readonly kind: 'mend'; readonly process: DemoProcess | undefined }

/** Reads the command line of `npm run demo:flow`; usage goes to stderr. */
export function readDemoArguments(argv: readonly string[]): Result<DemoArguments> {
  let asked: { readonly kind: 'run' | 'break' | 'mend' | 'status' | 'clean'; readonly word?: string } = {
    kind: 'run',
  }
  const command = new Command('npm run demo:flow --')
    .description('A small data flow that really moves files, to see what flows and the wall board do.')
    .option('--portal <url>', 'where heartbeats go', 'http://127.0.0.1:3000')
    .action(() => {
      asked = { kind: 'run' }
    })
  command
    .command('break')
    .description(`Breaks a process of the running demo: ${demoProcesses.join(', ')}.`)
    .argument('<process>')
    .action((word: string) => {
      asked = { kind: 'break', word }
    })
  command
    .command('mend')
    .description('Mends a process; without a name all of them.')
    .argument('[process]')
    .action((word?: string) => {
      asked = { kind: 'mend', ...(word === undefined ? {} : { word }) }
    })
  for (const [kind, does] of [
    ['status', 'Says which processes are broken.'],
    ['clean', 'Removes the files, the tables and the flow of a demo that does not run.'],
  ] as const) {
    command
      .command(kind)
      .description(does)
      .action(() => {
        asked = { kind }
      })
  }
  const parsed = parseCommandLine(command, argv)
  if (parsed.kind === 'help') return ok({ kind: 'help' })
  if (parsed.kind === 'refused') return refuse('invalid', parsed.message)
  const { kind, word } = asked
  if (kind === 'run') {
    const { portal } = command.opts<{ portal: string }>()
    return /^https?:$/.test(URL.canParse(portal) ? new URL(portal).protocol : '')
      ? ok({ kind, portalUrl: portal.replace(/\/$/, '') })
      : refuse('invalid', '--portal is an address such as http://127.0.0.1:3000.')
  }
  if (kind === 'status') return ok({ kind })
  if (kind === 'clean') return ok({ kind })
  if (word === undefined && kind === 'mend') return ok({ kind, process: undefined })
  return word !== undefined && isDemoProcess(word)
    ? ok({ kind, process: word })
    : refuse('invalid', `There is no process ${word ?? ''}. The processes are ${demoProcesses.join(', ')}.`)
}
