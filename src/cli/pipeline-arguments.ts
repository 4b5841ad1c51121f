import { Command } from 'commander'
import { exportFormats, modes, RunConfiguration, redactions, targets } from '../domain/pipeline/run.ts'
import { type Result, refuse } from '../domain/result.ts'
import { parseCommandLine } from './parse-command-line.ts'

export interface PipelineArguments {
  readonly files: readonly string[]
  readonly configuration: RunConfiguration
  readonly mapping: string | undefined
  readonly out: string | undefined
  readonly findings: string | undefined
  readonly discard: boolean
  readonly report: boolean
}

const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')

/** Reads the command line of `npm run pipeline`; usage goes to stderr, so that stdout stays for the report. */
export function readArguments(argv: readonly string[]): Result<PipelineArguments | 'help'> {
  const command = new Command('npm run pipeline --')
    .description('Runs files through the six stages without a browser.')
    .argument('<file...>', 'CSV, JSON, JSONL or Parquet')
    .option('--mode <mode>', modes.join(', '), 'adaptive')
    .option('--threshold <score>', 'reject records below this score, 0 to 1', '0.7')
    .option('--checks <list>', 'all, none, or names of checks', 'all')
    .option('--redact <list>', `what to replace by placeholders: ${redactions.join(', ')}`, '')
    .option('--mapping <file>', 'a mapping as JSON instead of the detected one')
    .option('--to <list>', targets.join(', '), 'chatml')
    .option('--format <list>', exportFormats.join(', '), 'jsonl')
    .option('--out <folder>', 'write the exports there')
    .option('--findings <file>', 'write one line per record: scores and findings')
    .option('--discard', 'delete the dataset afterwards', false)
    .option('--report <kind>', 'json: print one JSON object on stdout')
  const line = parseCommandLine(command, argv)
  if (line.kind === 'help') return { ok: true, value: 'help' }
  if (line.kind === 'refused') return refuse('invalid', line.message)
  const options = command.opts<Record<string, string | boolean | undefined>>()
  const text = (name: string): string | undefined => {
    const value = options[name]
    return typeof value === 'string' ? value : undefined
  }
  const checks = text('checks') ?? 'all'
  const parsed = RunConfiguration.safeParse({
    mode: text('mode'),
    threshold: Number(text('threshold')),
    checks: checks === 'all' || checks === 'none' ? checks : list(checks),
    redact: list(text('redact') ?? ''),
    targets: list(text('to') ?? ''),
    formats: list(text('format') ?? ''),
  })
  if (!parsed.success) {
    const first = parsed.error.issues[0]
    return refuse('invalid', `--${optionOf(first?.path[0])}: ${first?.message ?? 'is not understood'}`)
  }
  if (text('report') !== undefined && text('report') !== 'json') {
    return refuse('invalid', '--report: only json is known.')
  }
  return {
    ok: true,
    value: {
      files: command.args,
      configuration: parsed.data,
      mapping: text('mapping'),
      out: text('out'),
      findings: text('findings'),
      discard: options.discard === true,
      report: text('report') === 'json',
    },
  }
}

const optionOf = (field: PropertyKey | undefined): string =>
  field === 'targets' ? 'to' : field === 'formats' ? 'format' : String(field ?? 'option')
