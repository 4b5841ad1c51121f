import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { pino } from 'pino'
import {
  type CheckpointPlace,
  checkpointFile,
  verifierKeyFile,
} from '../../src/adapters/checkpoint-folder.ts'
import { AuditRows } from '../../src/db/audit-rows.ts'
import { startAuditSequencer } from '../../src/jobs/audit-sequencer.ts'
import type { TestDatabase } from './database.ts'

const verifier = fileURLToPath(new URL('../security/second-verifier.mjs', import.meta.url))

/** Puts so many entries into the log and has a checkpoint signed: a sequencer that starts, drains and stops. */
export async function logEntries(
  database: TestDatabase,
  place: CheckpointPlace,
  count: number,
): Promise<void> {
  await sql`insert into audit.outbox (actor_id, actor_kind, action, object_type, object_id, outcome, request_id, salt, details)
    select 'usr_' || n % 7, 'user', 'dataset.read', 'dataset', 'ds_' || n, 'allowed', 'req_' || n,
      decode(lpad(to_hex(n), 32, '0'), 'hex'), '{"n":' || n || '}' from generate_series(1, ${sql.lit(count)}) n`.execute(
    database.db,
  )
  await sequencer(database, place).stop()
}

export const sequencer = (
  { db, url }: Pick<TestDatabase, 'db' | 'url'>,
  place: CheckpointPlace,
  more: { readonly detailsDays?: number } = {},
) =>
  startAuditSequencer({
    ...more,
    db,
    url,
    place,
    log: pino({ level: 'silent' }),
    clock: () => new Date(),
    random: randomBytes,
  })

export interface SecondVerdict {
  readonly outcome: string
  readonly seq: number | null
  readonly code: number
}

/** What the verifier says that was written from the format page alone. */
export async function secondVerdict(
  database: TestDatabase,
  place: CheckpointPlace,
  folder: string,
): Promise<SecondVerdict> {
  const log = await AuditRows.open(database.url)
  const lines: string[] = []
  for await (const page of log.pages(Number.MAX_SAFE_INTEGER, 500)) {
    lines.push(...page.map((row) => `${JSON.stringify(row)}\n`))
  }
  await log.close()
  const entries = join(folder, 'entries.jsonl')
  await writeFile(entries, lines.join(''))
  return new Promise((resolve, reject) => {
    const args = [verifier, entries, checkpointFile(place), verifierKeyFile(place)]
    execFile(process.execPath, args, (error, stdout, stderr) => {
      if (stdout === '') reject(new Error(stderr))
      else resolve({ ...JSON.parse(stdout), code: error?.code ?? 0 })
    })
  })
}
