import { setTimeout } from 'node:timers/promises'
import { Command } from 'commander'
import { openLocalVault } from '../adapters/local-vault.ts'
import { readConfig } from '../config.ts'
import { recordAudit } from '../db/audit-outbox.ts'
import { localOperatorId } from '../db/users.ts'
import { vaultReferences } from '../db/vault-references.ts'
import type { Caller } from '../domain/audit/entry.ts'
import { newId } from '../domain/ids.ts'
import { ok, type Result, refuse } from '../domain/result.ts'
import { checkConsistency, type Remark, remarkLine, summaryLine } from '../domain/vault/consistency.ts'
import { verifyAuditLog } from '../jobs/verify-audit-log.ts'
import { createLog } from '../log.ts'
import { openStack } from '../start.ts'
import { parseCommandLine } from './parse-command-line.ts'
import { runCommandLine, say } from './run-command.ts'

/** Exit codes of `npm run fsck`. */
const exit = { consistent: 0, otherwise: 1, usage: 2 } as const

/** Nobody waits behind this command, so it goes as fast as it can. */
const pace = { step: async () => {}, rest: () => setTimeout(250) }

const print = (text: string) => process.stdout.write(`${text}\n`)

async function main(): Promise<number> {
  const parsed = readArguments(process.argv.slice(2))
  if (!parsed.ok) {
    say(`${parsed.problem.message}\nTry: npm run fsck -- --help`)
    return exit.usage
  }
  if (parsed.value === 'help') return exit.consistent
  const { dryRun, json, audit: withAudit } = parsed.value
  const config = readConfig(process.env)
  const log = createLog({ ...config.log, level: config.log.level === 'info' ? 'warn' : config.log.level })
  const stack = await openStack(config, log)
  try {
    // A view of its own: only this command may look at the vault as a whole.
    const vault = await openLocalVault(stack.vaultFolders)
    const remarks: Remark[] = []
    const totals = await checkConsistency(
      { vault, tables: vaultReferences(stack.db), pace },
      { now: new Date(), dryRun },
      (remark) => (json ? remarks.push(remark) : print(remarkLine(remark))),
    )
    const caller: Caller = {
      actor: { id: localOperatorId, kind: 'operator' },
      requestId: newId('req', Date.now(), stack.random(10)),
    }
    await recordAudit(stack.db, caller, {
      action: 'vault.check',
      objectType: 'system',
      objectId: 'vault',
      outcome: totals.problems === 0 ? 'allowed' : 'failed',
      details: { problems: totals.problems, swept: totals.swept, dryRun },
    })
    const audit = withAudit ? await verifyAuditLog({ ...stack, place: config.data }, caller) : undefined
    if (json) print(JSON.stringify({ ...totals, dryRun, remarks, ...(audit === undefined ? {} : { audit }) }))
    else {
      if (audit !== undefined && audit.finding !== null) print(`audit-log  ${audit.finding.message}`)
      print(summaryLine(totals, dryRun))
    }
    const isWhole = audit === undefined || audit.outcome === 'whole'
    return totals.problems === 0 && isWhole ? exit.consistent : exit.otherwise
  } finally {
    await stack.close()
  }
}

function readArguments(
  argv: readonly string[],
): Result<{ readonly dryRun: boolean; readonly json: boolean; readonly audit: boolean } | 'help'> {
  const command = new Command('npm run fsck --')
    .description('Compares vault and tables, sweeps what nothing names, and verifies the audit log.')
    .option('--dry-run', 'remove nothing, only say what would be swept', false)
    .option('--no-audit', 'leave the audit log out; a million entries take about ten seconds')
    .option('--json', 'print one JSON object on stdout', false)
  const parsed = parseCommandLine(command, argv)
  if (parsed.kind === 'help') return ok('help')
  if (parsed.kind === 'refused') return refuse('invalid', parsed.message)
  return ok(command.opts<{ dryRun: boolean; json: boolean; audit: boolean }>())
}

await runCommandLine(main, 'The check stopped on a fault of its own; what it said until then holds.')
