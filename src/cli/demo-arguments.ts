import { Command } from 'commander'
import { type DemoProcess, demoProcesses, isDemoProcess } from '../demo/place.ts'
import { ok, type Result, refuse } from '../domain/result.ts'
import { parseCommandLine } from './parse-command-line.ts'

export type DemoArguments =
  | { readonly kind: 'help' }
  | { readonly kind: 'clean' }
  | { readonly kind: 'status' }
  | { readonly kind: 'run'; readonly portalUrl: string | undefined; readonly ports: DemoPorts }
  | { readonly kind: 'break'; readonly process: DemoProcess }
  | { readonly kind: 'mend'; readonly process: DemoProcess | undefined }

/** Where the servers of the demo are wished to listen; 0: anywhere. */
export interface DemoPorts {
  readonly feed: number
  readonly spark: number
  readonly nameNode: number
  readonly store: number
}

/** Reads the command line of `npm run demo:flow`; usage goes to stderr. */
export function readDemoArguments(argv: readonly string[]): Result<DemoArguments> {
  let asked: { readonly kind: 'run' | 'break' | 'mend' | 'status' | 'clean'; readonly word?: string } = {
    kind: 'run',
  }
  const command = new Command('npm run demo:flow --')
    .description('A small data flow that really moves files, to see what flows and the wall board do.')
    .option(
      '--portal <url>',
      'where heartbeats go; else to HOST and PORT of this machine, as npm start would answer there',
    )
    .option('--ports <list>', 'of feed, Spark, name node and store; 0: any free one', '4010,4011,4012,9000')
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
    const { portal, ports: list } = command.opts<{ portal?: string; ports: string }>()
    const ports = readPorts(list)
    if (ports === undefined)
      return refuse('invalid', '--ports is a list of four, such as 4010,4011,4012,9000.')
    if (portal === undefined) return ok({ kind, portalUrl: undefined, ports })
    return /^https?:$/.test(URL.canParse(portal) ? new URL(portal).protocol : '')
      ? ok({ kind, portalUrl: portal.replace(/\/$/, ''), ports })
      : refuse('invalid', '--portal is an address such as http://127.0.0.1:3000.')
  }
  if (kind === 'status') return ok({ kind })
  if (kind === 'clean') return ok({ kind })
  if (word === undefined && kind === 'mend') return ok({ kind, process: undefined })
  return word !== undefined && isDemoProcess(word)
    ? ok({ kind, process: word })
    : refuse('invalid', `There is no process ${word ?? ''}. The processes are ${demoProcesses.join(', ')}.`)
}

function readPorts(list: string): DemoPorts | undefined {
  const [feed, spark, nameNode, store, ...more] = list
    .split(',')
    .map((text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined))
  return feed === undefined ||
    spark === undefined ||
    nameNode === undefined ||
    store === undefined ||
    more.length > 0
    ? undefined
    : { feed, spark, nameNode, store }
}
