import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { readConfig } from '../config.ts'
import { deleteStoredDataset } from '../db/dataset-deletion.ts'
import { receivePorts } from '../db/receive-ports.ts'
import { listExports } from '../db/run-exports.ts'
import { type RunReport, readRunReport } from '../db/run-report.ts'
import { ensureLocalOperator, localOperatorId } from '../db/users.ts'
import type { Caller } from '../domain/audit/entry.ts'
import { Mapping } from '../domain/datasets/mapping.ts'
import { receiveFile } from '../domain/datasets/receive-file.ts'
import { newId } from '../domain/ids.ts'
import { startEngine } from '../jobs/engine.ts'
import { SourceReader } from '../jobs/source-reader.ts'
import { createLog } from '../log.ts'
import { openStack, type Stack } from '../start.ts'
import { writeFindings } from './findings.ts'
import { type PipelineArguments, readArguments } from './pipeline-arguments.ts'
import { watchRun } from './progress.ts'

/** Exit codes of `npm run pipeline`. */
import { runCommandLine, say } from './run-command.ts'

const exit = { completed: 0, otherwise: 1, usage: 2, unusable: 3 } as const

async function main(): Promise<number> {
  const parsed = readArguments(process.argv.slice(2))
  if (!parsed.ok) {
    say(`${parsed.problem.message}\nTry: npm run pipeline -- --help`)
    return exit.usage
  }
  if (parsed.value === 'help') return exit.completed
  const asked = parsed.value
  const mapping = await readMapping(asked.mapping)
  if (typeof mapping === 'string') {
    say(mapping)
    return exit.usage
  }
  for (const file of asked.files) {
    const found = await stat(file).catch(() => undefined)
    if (!found?.isFile()) {
      say(`There is no file ${file}. Check the path.`)
      return exit.unusable
    }
  }
  const config = readConfig(process.env)
  const log = createLog({ ...config.log, level: config.log.level === 'info' ? 'warn' : config.log.level })
  const stack = await openStack(config, log)
  try {
    return await run(stack, asked, mapping)
  } finally {
    await stack.close()
  }
}

async function run(stack: Stack, asked: PipelineArguments, mapping: Mapping | undefined): Promise<number> {
  const { db, vault } = stack
  const clock = () => new Date()
  await ensureLocalOperator(db, clock())
  const caller: Caller = {
    actor: { id: localOperatorId, kind: 'operator' },
    requestId: newId('req', Date.now(), stack.random(10)),
  }
  const stopped = new AbortController()
  const stop = () => stopped.abort()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)

  // Before the files come: its threads load meanwhile.
  const engine = await startEngine({
    db,
    url: stack.url,
    vaultFolders: stack.vaultFolders,
    createKey: (owner) => vault.createKey(owner),
    log: stack.log,
    workers: stack.config.workers,
    limits: stack.config.runLimits,
    clock,
    random: stack.random,
    changed: () => {},
  })
  let datasetId: string | undefined
  try {
    const received = await receiveAll(stack, asked, caller, mapping, stopped.signal)
    if (received === undefined) return exit.unusable
    datasetId = received
    const started = await engine.runs.start(caller, {
      datasetIds: [datasetId],
      configuration: asked.configuration,
    })
    if (!started.ok) {
      say(started.problem.message)
      return exit.usage
    }
    await watchRun(db, started.value, process.stderr, stopped.signal)
    if (stopped.signal.aborted) await engine.runs.cancel(caller, started.value)
    const report = await readRunReport(db, started.value)
    if (report.status === 'completed') {
      if (asked.out !== undefined) await writeOut(stack, report, asked.out)
      if (asked.findings !== undefined) await writeFindings(db, vault, report.runId, asked.findings)
    } else {
      say(report.problem ?? `The run was ${report.status}.`)
    }
    if (asked.report) {
      process.stdout.write(`${JSON.stringify(report)}\n`)
    } else {
      summarize(report)
    }
    return report.status === 'completed' ? exit.completed : report.status === 'failed' ? exit.otherwise : 1
  } finally {
    await engine.stop()
    if (asked.discard && datasetId !== undefined) {
      await deleteStoredDataset({ ...stack, clock: () => new Date() }, caller, datasetId)
    }
  }
}

/** Puts the files into one new dataset; undefined, and nothing kept, when one of them cannot be used. */
async function receiveAll(
  stack: Stack,
  asked: PipelineArguments,
  caller: Caller,
  mapping: Mapping | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const reader = new SourceReader(stack.vaultFolders, 1)
  return receiveWith(reader, stack, asked, caller, mapping, signal).finally(() => reader.stop())
}

async function receiveWith(
  reader: SourceReader,
  stack: Stack,
  asked: PipelineArguments,
  caller: Caller,
  mapping: Mapping | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { db, vault } = stack
  const clock = () => new Date()
  const ports = receivePorts({
    db,
    vault,
    detect: reader.detect,
    clock,
    random: stack.random,
    maxBytes: stack.config.uploads.maxBytes,
  })
  let datasetId: string | undefined
  for (const file of asked.files) {
    const received = await receiveFile(
      ports,
      caller,
      {
        name: basename(asked.files[0] ?? file),
        fileName: basename(file),
        bytes: createReadStream(file, { highWaterMark: 256 * 1024 }),
        ...(datasetId === undefined ? {} : { datasetId }),
        ...(mapping === undefined ? {} : { mapping }),
      },
      signal,
    )
    if (!received.ok) {
      say(`${file}: ${received.problem.message}`)
      if (datasetId !== undefined) await deleteStoredDataset({ ...stack, clock }, caller, datasetId)
      return undefined
    }
    datasetId = received.value.datasetId
  }
  return datasetId
}

async function readMapping(path: string | undefined): Promise<Mapping | string | undefined> {
  if (path === undefined) return undefined
  try {
    const parsed = Mapping.safeParse(JSON.parse(await readFile(path, 'utf8')))
    return parsed.success
      ? parsed.data
      : `The mapping ${path} is not understood: see docs/pipeline-command.md.`
  } catch {
    return `The mapping ${path} could not be read as JSON. Check the path and the file.`
  }
}

async function writeOut(stack: Stack, report: RunReport, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const { path, objectId, keyOwner } of await listExports(stack.db, report.runId)) {
    if (objectId === null) continue
    const object = await stack.vault.open({ owner: keyOwner, id: objectId, kind: 'export' })
    try {
      await pipeline(object.stream(0), createWriteStream(join(folder, path)))
    } finally {
      await object.close()
    }
  }
}

function summarize(report: RunReport): void {
  const { stages, quality } = report
  say(`${report.status} in ${report.seconds.toFixed(1)} s, run ${report.runId}`)
  for (const row of stages) {
    say(
      `  ${row.stage.padEnd(16)} in ${row.in}  out ${row.out}  quarantined ${row.quarantined}  rejected ${row.rejected}  duplicate ${row.duplicate}`,
    )
  }
  say(`  accepted ${quality.accepted}, mean score ${quality.meanScore ?? 'none'}`)
  for (const file of report.exports)
    say(`  ${file.path}  ${file.records} records  ${file.bytes} bytes  ${file.sha256}`)
}

await runCommandLine(main, 'The pipeline stopped on a fault of its own; the log has it.')
