import { Command } from 'commander'
import { type HandState, handStates } from '../domain/flows/state/assess-by-hand.ts'
import { ok, type Result, refuse } from '../domain/result.ts'
import { parseCommandLine } from './parse-command-line.ts'

export type FlowArguments =
  | { readonly kind: 'help' }
  | { readonly kind: 'check'; readonly files: readonly string[]; readonly json: boolean }
  | { readonly kind: 'mermaid'; readonly file: string }
  | {
      readonly kind: 'run'
      readonly file: string
      readonly checks: readonly string[]
      readonly json: boolean
    }
  | { readonly kind: 'explain'; readonly file: string; readonly states: ReadonlyMap<string, HandState> }

/** Reads the command line of `npm run flow`; usage goes to stderr, so that stdout stays for the result. */
export function readFlowArguments(argv: readonly string[]): Result<FlowArguments> {
  let asked: FlowArguments | undefined
  const given: string[] = []
  const checks: string[] = []
  const command = new Command('npm run flow --').description(
    'Flow files: whether they are right, and what they say.',
  )
  command
    .command('check')
    .description(
      'Says every mistake with its line. Exit 0: right (warnings may be there), 1: refused, 2: not readable.',
    )
    .argument('<files...>')
    .option('--json', 'print one JSON array of mistakes on stdout', false)
    .action((files: string[], { json }: { json: boolean }) => {
      asked = { kind: 'check', files, json }
    })
  command
    .command('mermaid')
    .description('The diagram of a flow as Mermaid text.')
    .argument('<file>')
    .action((file: string) => {
      asked = { kind: 'mermaid', file }
    })
  command
    .command('explain')
    .description('What the board would say. States: healthy, degraded, failed, unknown, starved.')
    .argument('<file>')
    .option('--state <process=state>', 'the state of a process; may be given again', (each) => {
      given.push(each)
    })
    .action((file: string) => {
      asked = { kind: 'explain', file, states: new Map() }
    })
  command
    .command('run')
    .description(
      'Runs the health checks of a flow once. Exit 0: all pass or warn, 1: refused, 2: not readable, 3: one failed or could not tell.',
    )
    .argument('<file>')
    .option('--check <id>', 'only this one; may be given again', (each) => {
      checks.push(each)
    })
    .option('--json', 'print one JSON array of results on stdout', false)
    .action((file: string, { json }: { json: boolean }) => {
      asked = { kind: 'run', file, checks, json }
    })
  const parsed = parseCommandLine(command, argv)
  if (parsed.kind === 'help') return ok({ kind: 'help' })
  if (parsed.kind === 'refused') return refuse('invalid', argv.length > 0 ? parsed.message : whatToSay)
  if (asked === undefined) return refuse('invalid', whatToSay)
  if (asked.kind !== 'explain') return ok(asked)
  const states = statesOf(given)
  return states.ok ? ok({ ...asked, states: states.value }) : states
}

const whatToSay = 'Say check, mermaid, explain or run, and a file.'

function statesOf(given: readonly string[]): Result<ReadonlyMap<string, HandState>> {
  const states = new Map<string, HandState>()
  for (const each of given) {
    const [process = '', word = '', ...more] = each.split('=')
    const state = handStates.find((known) => known === word.toLowerCase())
    if (process === '' || state === undefined || more.length > 0) {
      return refuse('invalid', `“${each}” is not PROCESS=STATE. The states are ${handStates.join(', ')}.`)
    }
    states.set(process, state)
  }
  return ok(states)
}
