import { once } from 'node:events'
import {
  checkpointFile,
  readCheckpoints,
  readSigner,
  readText,
  verifierKeyFile,
} from '../adapters/checkpoint-folder.ts'
import { readConfig } from '../config.ts'
import { readEntries, readEntriesOfRequest } from '../db/audit-entries.ts'
import { recordAudit } from '../db/audit-outbox.ts'
import { readInclusionPath } from '../db/audit-proofs.ts'
import { AuditRows } from '../db/audit-rows.ts'
import { isAuditOwnedByApplication } from '../db/audit-state.ts'
import { localOperatorId } from '../db/users.ts'
import type { LogRow } from '../domain/audit/canonical.ts'
import { type Checkpoint, openCheckpoint, readVerifierKey } from '../domain/audit/checkpoint.ts'
import type { Caller } from '../domain/audit/entry.ts'
import { newId } from '../domain/ids.ts'
import { UnrecordedVerdict, verifyAuditLog } from '../jobs/verify-audit-log.ts'
import { createLog } from '../log.ts'
import { openStack, type Stack } from '../start.ts'
import { StartupProblem } from '../startup-problem.ts'
import { type AuditArguments, readAuditArguments } from './audit-arguments.ts'
import { runCommandLine, say } from './run-command.ts'

/** Exit codes of `npm run audit`. 3: the question itself could not be dealt with. */
const exit = { whole: 0, tampered: 1, incomplete: 2, otherwise: 3 } as const

async function main(): Promise<number> {
  const parsed = readAuditArguments(process.argv.slice(2))
  if (!parsed.ok) {
    say(`${parsed.problem.message}\nTry: npm run audit -- --help`)
    return exit.otherwise
  }
  if (parsed.value.kind === 'help') return exit.whole
  const config = readConfig(process.env)
  const log = createLog({ ...config.log, level: config.log.level === 'info' ? 'warn' : config.log.level })
  // The log needs no vault: one that is sealed is no reason to know nothing of it.
  const stack = await openStack(config, log, 'wait')
  try {
    const caller: Caller = {
      actor: { id: localOperatorId, kind: 'operator' },
      requestId: newId('req', Date.now(), stack.random(10)),
    }
    return await answer(stack, caller, parsed.value)
  } finally {
    await stack.close()
  }
}

async function answer(stack: Stack, caller: Caller, asked: AuditArguments): Promise<number> {
  switch (asked.kind) {
    case 'verify':
      return verify(stack, caller, asked.json, asked.keyFile)
    case 'dump':
      return dump(stack, caller)
    case 'receipt': {
      const entries = await readEntriesOfRequest(stack.db, asked.requestId)
      return prove(stack, caller, entries, `No entry of the request ${asked.requestId} is in the log.`)
    }
    case 'prove': {
      const entries = await readEntries(stack.db, [asked.seq])
      return prove(stack, caller, entries, `Entry ${asked.seq} is not in the log.`)
    }
    case 'help':
      return exit.whole
  }
}

async function verify(
  stack: Stack,
  caller: Caller,
  json: boolean,
  keyFile: string | undefined,
): Promise<number> {
  const verifierKey = keyFile === undefined ? undefined : await readText(keyFile)
  if (keyFile !== undefined && (verifierKey === undefined || readVerifierKey(verifierKey) === undefined)) {
    say(`${keyFile} holds no verifier key.`)
    return exit.otherwise
  }
  const { verdict, isRecorded } = await verifyAuditLog(
    { ...stack, place: stack.config.data },
    caller,
    verifierKey === undefined ? {} : { verifierKey },
  ).then(
    (verdict) => ({ verdict, isRecorded: true }),
    (error: unknown) => {
      if (!(error instanceof UnrecordedVerdict)) throw error
      return { verdict: error.verdict, isRecorded: false }
    },
  )
  const isOwnedByApplication = await isAuditOwnedByApplication(stack.db)
  const { outcome, rows, checkpoints, covered, finding, seconds } = verdict
  if (json) {
    await print(JSON.stringify({ ...verdict, isOwnedByApplication }))
  } else {
    if (finding !== null) await print(`${finding.kind}  ${finding.message}`)
    const unsigned = rows - covered
    await print(
      `${outcome}: ${rows} entries in ${seconds.toFixed(1)} s, ${checkpoints} checkpoints, ${unsigned} entries after the last`,
    )
  }
  if (isOwnedByApplication) {
    say(
      'The audit tables belong to the role of the application: the database would not refuse it a change. Set DATABASE_ADMIN_URL to a role that may create roles.',
    )
  }
  if (isRecorded) return exit[outcome]
  say(
    'The database did not take the entry of this verification. Nothing that must be logged can be done until it does: see the log of the portal.',
  )
  return outcome === 'whole' ? exit.otherwise : exit[outcome]
}

/** Each entry with the smallest path that leads from it to a signed root. */
async function prove(
  stack: Stack,
  caller: Caller,
  entries: readonly LogRow[],
  none: string,
): Promise<number> {
  if (entries.length === 0) {
    say(`${none} What was committed less than a second ago may still wait; ask again.`)
    return exit.otherwise
  }
  // Before a byte leaves.
  await recordAudit(stack.db, caller, {
    action: 'audit.read',
    objectType: 'system',
    objectId: 'audit',
    outcome: 'allowed',
    details: { entries: entries.length, first: entries[0]?.seq ?? null },
  })
  const largest = await largestCheckpoint(stack)
  for (const entry of entries) {
    if (largest === undefined || largest.checkpoint.size < entry.seq) {
      say(`Entry ${entry.seq} has no checkpoint yet; there is one every minute.`)
      return exit.otherwise
    }
    const { checkpoint, note } = largest
    const path = await readInclusionPath(stack.db, entry.seq, checkpoint.size)
    await print(
      JSON.stringify({
        entry,
        index: entry.seq - 1,
        path: path.map((hash) => hash.toString('base64')),
        checkpoint: note,
      }),
    )
  }
  return exit.whole
}

async function largestCheckpoint({
  config,
}: Stack): Promise<{ readonly checkpoint: Checkpoint; readonly note: string } | undefined> {
  const place = config.data
  const key = (await readSigner(place))?.verifierKey ?? (await readText(verifierKeyFile(place)))
  const verifier = readVerifierKey(key ?? '')
  if (verifier === undefined) return undefined
  let largest: { checkpoint: Checkpoint; note: string } | undefined
  for await (const { note } of readCheckpoints(checkpointFile(place))) {
    // Most say again what the one before said.
    const size = Number(note.split('\n')[1])
    if (largest !== undefined && size <= largest.checkpoint.size) continue
    const checkpoint = await openCheckpoint(verifier, note)
    if (checkpoint !== undefined) largest = { checkpoint, note }
  }
  return largest
}

async function dump(stack: Stack, caller: Caller): Promise<number> {
  // Before a byte leaves: whoever takes only the beginning has taken something.
  await recordAudit(stack.db, caller, {
    action: 'audit.export',
    objectType: 'system',
    objectId: 'audit',
    outcome: 'allowed',
    details: { format: 'jsonl' },
  })
  const rows = await AuditRows.open(stack.url)
  try {
    for await (const page of rows.pages(Number.MAX_SAFE_INTEGER, 2_000)) {
      await print(page.map((row) => JSON.stringify(row)).join('\n'))
    }
  } finally {
    await rows.close()
  }
  return exit.whole
}

async function print(text: string): Promise<void> {
  if (!process.stdout.write(`${text}\n`)) await once(process.stdout, 'drain')
}

/** As `dump | head` ends. */
const isBrokenPipe = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EPIPE'

/** A start that failed says nothing of the log: not 1. */
const guarded = () =>
  main().catch((error: unknown) => {
    if (isBrokenPipe(error)) {
      say('What reads this has stopped reading; the rest was not written.')
      return exit.otherwise
    }
    say(
      error instanceof StartupProblem ? error.message : 'The log could not be read; nothing is known of it.',
    )
    if (!(error instanceof StartupProblem)) say(error instanceof Error ? (error.stack ?? error.name) : '')
    return exit.otherwise
  })

await runCommandLine(guarded, '')
