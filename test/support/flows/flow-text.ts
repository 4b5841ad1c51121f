import { readFlow } from '../../../src/domain/flows/configuration/read-flow.ts'
import type { Flow } from '../../../src/domain/flows/flow.ts'

/** A small flow: A > B > C, each with a check of its own and one that looks upstream, unless said otherwise. */
export const chain = ({
  processes = ['a', 'b', 'c'],
  connections = ['{from: a, to: b, max_lag: 10m}', '{from: b, to: c, max_lag: 10m}'],
  checkKeys = '',
  more = '',
}: {
  readonly processes?: readonly string[]
  readonly connections?: readonly string[]
  readonly checkKeys?: string
  readonly more?: string
} = {}) => `version: 1
flow: {id: chain, name: Chain}
processes:
${processes.map((id) => `  - {id: ${id}, name: ${id.toUpperCase()}}`).join('\n')}
connections: [${connections.join(', ')}]
health_checks:
${processes
  .map(
    (id) => `  - {id: ${id}_port, process: ${id}, type: tcp_port, host: localhost, port: 80${checkKeys}}
  - {id: ${id}_fresh, process: ${id}, type: file_fresh, glob: "/data/*", max_age: 30m${checkKeys}}`,
  )
  .join('\n')}
${more}`

/** Reads a flow that has to be right. */
export function flowOf(text: string): Flow {
  const { flow, mistakes } = readFlow(text, 'test.yaml', {})
  if (flow === undefined) throw new Error(mistakes.map((mistake) => mistake.message).join('\n'))
  return flow
}
