import { readFile } from 'node:fs/promises'
import { Settled } from '../adapters/checks/deadline.ts'
import { checkRunners } from '../adapters/checks/index.ts'
import { runFlowOnce } from '../adapters/checks/run-flow-once.ts'
import { flowText } from '../adapters/flow-folder.ts'
import { readConfig } from '../config.ts'
import { couldNotTell } from '../domain/flows/checks/check-result.ts'
import { mistakeLine, wholeFile } from '../domain/flows/configuration/located.ts'
import { nearestName } from '../domain/flows/configuration/nearest-name.ts'
import { ownVariables, standInVariables } from '../domain/flows/configuration/own-variables.ts'
import { type FlowReading, readFlow } from '../domain/flows/configuration/read-flow.ts'
import type { Values } from '../domain/flows/configuration/variables.ts'
import { mermaidText } from '../domain/flows/diagram/mermaid-text.ts'
import type { Flow } from '../domain/flows/flow.ts'
import { assessByHand, type HandState } from '../domain/flows/state/assess-by-hand.ts'
import { roleInWords } from '../domain/flows/state/headline.ts'
import type { State } from '../domain/flows/state/state.ts'
import { ownPlaceOf } from '../own-place.ts'
import { readFlowArguments } from './flow-arguments.ts'
import { runCommandLine, say } from './run-command.ts'

/** Exit codes of `npm run flow`; `unwell` belongs to run alone. */
const exit = { right: 0, refused: 1, usage: 2, unwell: 3 } as const

const print = (text: string) => process.stdout.write(`${text}\n`)

async function main(): Promise<number> {
  const parsed = readFlowArguments(process.argv.slice(2))
  if (!parsed.ok) {
    say(`${parsed.problem.message}\nTry: npm run flow -- --help`)
    return exit.usage
  }
  const asked = parsed.value
  if (asked.kind === 'help') return exit.right
  if (asked.kind === 'check') return check(asked.files, asked.json)
  const reading = await openFlow(asked.file, asked.kind === 'run' ? await placeVariables() : standInVariables)
  if (reading === undefined) return exit.usage
  if (reading.flow === undefined) {
    for (const mistake of reading.mistakes) say(mistakeLine(mistake))
    return exit.refused
  }
  if (asked.kind === 'explain') return explain(reading.flow, asked.states)
  if (asked.kind === 'run') return run(reading.flow, asked.checks, asked.json)
  process.stdout.write(mermaidText(reading.flow).text)
  return exit.right
}

async function check(files: readonly string[], json: boolean): Promise<number> {
  let code: number = exit.right
  const all: FlowReading['mistakes'][number][] = []
  const fileOf = new Map<string, string>()
  for (const file of files) {
    const reading = await openFlow(file)
    if (reading === undefined) {
      code = exit.usage
      continue
    }
    all.push(...reading.mistakes)
    if (!json) for (const mistake of reading.mistakes) print(mistakeLine(mistake))
    const { flow } = reading
    const other = flow === undefined ? undefined : fileOf.get(flow.id)
    if (other !== undefined)
      say(`${file}: the flow ${flow?.id} is in ${other} already. Ids are unique over all files.`)
    if (flow === undefined || other !== undefined) code = Math.max(code, exit.refused)
    else if (!json) print(`${file}: right. ${summaryOf(flow)}`)
    if (flow !== undefined) fileOf.set(flow.id, file)
  }
  if (json) print(JSON.stringify(all, null, 2))
  return code
}

const summaryOf = ({ id, processes, connections, checks }: Flow) =>
  `Flow ${id}: ${counted(processes.length, 'process', 'es')}, ${counted(connections.length, 'connection')}, ${counted(checks.length, 'health check')}.`
const counted = (count: number, one: string, more = 's') => `${count} ${one}${count === 1 ? '' : more}`

function explain(flow: Flow, states: ReadonlyMap<string, HandState>): number {
  const ids = flow.processes.map((process) => process.id)
  for (const id of states.keys()) {
    if (ids.includes(id)) continue
    const near = nearestName(id, ids)
    say(`There is no process ${id} in this flow.${near === undefined ? '' : ` Did you mean ${near}?`}`)
    return exit.usage
  }
  // The states are said to hold now: no clock is needed.
  const { sentence, processes } = assessByHand(flow, states, 0)
  print(sentence)
  const width = Math.max(...ids.map((id) => id.length))
  for (const process of processes) {
    print(
      `  ${process.id.padEnd(width)}  ${process.state.padEnd(8)}  ${roleInWords(process, processes)}`.trimEnd(),
    )
  }
  return exit.right
}

async function run(flow: Flow, asked: readonly string[], json: boolean): Promise<number> {
  const ids = flow.checks.map((check) => check.id)
  for (const id of asked) {
    if (ids.includes(id)) continue
    const near = nearestName(id, ids)
    say(`There is no health check ${id} in this flow.${near === undefined ? '' : ` Did you mean ${near}?`}`)
    return exit.usage
  }
  const { flows } = readConfig(process.env)
  const runners = checkRunners({
    settings: { pluginFolders: flows.pluginFolders, baseFolder: process.cwd() },
    pings: {
      read: () =>
        Promise.reject(
          new Settled(
            couldNotTell('no_data', 'Only the running portal hears the pings of jobs. Look at its board.'),
          ),
        ),
    },
  })
  try {
    const enabled = flow.checks.filter((check) => check.enabled).map((check) => check.id)
    const results = await runFlowOnce(runners, flow, asked.length === 0 ? enabled : asked, Date.now())
    if (json) {
      print(JSON.stringify(results, null, 2))
    } else {
      const width = Math.max(0, ...results.map(({ id }) => id.length))
      for (const { id, result, state, durationMs } of results) {
        const reason = result.reason === undefined ? '' : `${result.reason}: `
        print(`${words[state].padEnd(7)}  ${id.padEnd(width)}  ${reason}${result.message} (${durationMs} ms)`)
        for (const { label, value } of result.evidence ?? []) print(`         ${label}: ${value}`)
      }
    }
    const isWell = results.every(({ state }) => state === 'HEALTHY' || state === 'DEGRADED')
    return isWell ? exit.right : exit.unwell
  } finally {
    await runners.close()
  }
}

const words: Readonly<Record<State, string>> = {
  HEALTHY: 'pass',
  DEGRADED: 'warn',
  FAILED: 'fail',
  UNKNOWN: 'unknown',
}

/** Checks that run are to reach the portal they speak of. */
async function placeVariables(): Promise<Values> {
  const place = await ownPlaceOf(readConfig(process.env))
  return place === undefined ? standInVariables : ownVariables(place)
}

async function openFlow(file: string, own: Values = standInVariables): Promise<FlowReading | undefined> {
  try {
    const read = flowText(await readFile(file))
    if ('text' in read) return readFlow(read.text, file, { ...process.env, ...own })
    return { flow: undefined, mistakes: [wholeFile(file, read.problem)] }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (typeof code !== 'string') throw error
    say(`${file} cannot be read (${code}). Check the name and its permissions.`)
    return undefined
  }
}

await runCommandLine(main, 'The command stopped on a fault of its own.')
