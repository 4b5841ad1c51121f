import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { z } from 'zod'
import { couldNotTell } from '../../domain/flows/checks/check-result.ts'
import type { CheckRunner, RunContext } from '../../domain/flows/checks/check-runner.ts'
import type { Row } from '../../domain/flows/checks/database.ts'
import { checkTypes } from '../../domain/flows/checks/registry.ts'
import { parsedJson } from '../../domain/json.ts'
import { Settled } from './deadline.ts'
import { onlyFiles, withFiles } from './files.ts'
import { findFiles } from './find-files.ts'
import { withDatabase } from './postgres-rows.ts'
import type { PostgresSessions } from './postgres-sessions.ts'
import { fileProblem } from './problems.ts'
import type { RunnerSettings } from './runner-settings.ts'
import type { Uninterruptible } from './uninterruptible.ts'

const mostEntries = 10_000
/** The newest files are read until there are so many rows, or so many bytes were. */
const mostRead = 10_000
const mostBytes = 16 * 1024 * 1024

const JsonRow = z.record(z.string(), z.unknown())

export function resultsRunner(
  { baseFolder }: RunnerSettings,
  sessions: PostgresSessions,
  looks: Uninterruptible,
): CheckRunner<'results'> {
  return {
    run(parameters, context) {
      const { dsn, query, jsonl } = parameters
      if (dsn !== undefined && query !== undefined) {
        return withDatabase(sessions, dsn, context, async (ask) =>
          checkTypes.results.judge(parameters, await ask(query), context),
        )
      }
      const which = { glob: jsonl, path: undefined, max_entries: mostEntries }
      return withFiles(looks, which, context, async ({ glob = '' }) => {
        const began = performance.now()
        const rows = await readRows(glob, baseFolder, context)
        const durationMs = Math.round(performance.now() - began)
        return checkTypes.results.judge(parameters, { rows, durationMs }, context)
      })
    },
  }
}

async function readRows(glob: string, baseFolder: string, { signal }: RunContext): Promise<Row[]> {
  const finding = { baseFolder, maxEntries: mostEntries, signal }
  const found = onlyFiles(await findFiles(glob, finding))
  const rows: Row[] = []
  let bytes = 0
  for (const file of found.files.toSorted((a, b) => b.modifiedAt - a.modifiedAt)) {
    bytes += file.size
    if (bytes > mostBytes) {
      // The newest alone being too large leaves nothing to judge; older ones are simply not looked at.
      if (rows.length > 0) break
      throw new Settled(couldNotTell('limit', `${file.path} is too large to be read for its results.`))
    }
    const text = await readFile(resolve(baseFolder, file.path), { encoding: 'utf8', signal }).catch(
      (error: unknown) => {
        const problem = signal.aborted ? undefined : fileProblem(error, file.path)
        if (problem === undefined) throw error
        // Moved on since.
        if (problem.reason === 'not_found') return ''
        throw new Settled(problem)
      },
    )
    rows.push(...rowsOf(text, file.path))
    if (rows.length >= mostRead) break
  }
  return rows.slice(0, mostRead)
}

function rowsOf(text: string, path: string): Row[] {
  const lines = text.split('\n')
  return lines.flatMap((line, index) => {
    if (line.trim() === '') return []
    const row = JsonRow.safeParse(parsedJson(line))
    if (row.success) return [row.data]
    // A last line without its end is still being written.
    if (index === lines.length - 1) return []
    throw new Settled(
      couldNotTell('bad_value', `${path}, line ${index + 1}: one JSON object a line is needed.`),
    )
  })
}
