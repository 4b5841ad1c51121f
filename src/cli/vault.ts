import { existsSync } from 'node:fs'
import { openLocalVault } from '../adapters/local-vault.ts'
import { type Config, readConfig } from '../config.ts'
import { recordAudit } from '../db/audit-outbox.ts'
import { retireOnRecord, rotateOnRecord } from '../db/key-changes.ts'
import { localOperatorId } from '../db/users.ts'
import type { Action } from '../domain/audit/actions.ts'
import type { AuditEntry, Caller } from '../domain/audit/entry.ts'
import { newId } from '../domain/ids.ts'
import type { KeyState } from '../domain/vault/key-state.ts'
import { type Damage, verifyVault } from '../domain/vault/verify-vault.ts'
import { createLog } from '../log.ts'
import { openStack, type Stack, vaultFoldersOf } from '../start.ts'
import { runCommandLine, say } from './run-command.ts'
import { readVaultArguments, type VaultArguments } from './vault-arguments.ts'

/** Exit codes of `npm run vault`. */
const exit = { well: 0, otherwise: 1, usage: 2 } as const

const print = (text: string) => process.stdout.write(`${text}\n`)

async function main(): Promise<number> {
  const parsed = readVaultArguments(process.argv.slice(2))
  if (!parsed.ok) {
    say(`${parsed.problem.message}\nTry: npm run vault -- --help`)
    return exit.usage
  }
  const asked = parsed.value
  if (asked.command === 'help') return exit.well
  const config = readConfig(process.env)
  // Without the database: it has to answer when nothing else does.
  if (asked.command === 'status') return status(config, asked.json)
  const log = createLog({ ...config.log, level: config.log.level === 'info' ? 'warn' : config.log.level })
  const stack = await openStack(config, log)
  try {
    return await perform(stack, asked)
  } finally {
    await stack.close()
  }
}

async function perform(stack: Stack, asked: VaultArguments): Promise<number> {
  const caller: Caller = {
    actor: { id: localOperatorId, kind: 'operator' },
    requestId: newId('req', Date.now(), stack.random(10)),
  }
  const note = (action: Action, outcome: AuditEntry['outcome'], details: AuditEntry['details']) =>
    recordAudit(stack.db, caller, { action, objectType: 'system', objectId: 'vault', outcome, details })
  if (asked.command === 'rotate') return rotate(stack, caller)
  if (asked.command === 'retire') return retire(stack, asked.version, caller)
  if (asked.command === 'verify') return verify(stack, asked, note)
  return exit.usage
}

type Note = (
  action: Action,
  outcome: AuditEntry['outcome'],
  details: AuditEntry['details'],
) => Promise<unknown>

async function status(config: Config, json: boolean): Promise<number> {
  const folders = vaultFoldersOf(config)
  // To ask is not to make one: in a folder that was mistyped it would pass for whole.
  if (!existsSync(folders.keysFolder) && !existsSync(folders.objectsFolder)) {
    const message = `There is no vault in ${folders.keysFolder} and ${folders.objectsFolder} yet: the first start makes it.`
    print(json ? JSON.stringify({ sealed: { reason: 'missing', message } }) : message)
    return exit.otherwise
  }
  const vault = await openLocalVault(folders, 'wait')
  const state = await vault.keyState()
  print(json ? JSON.stringify(state) : stateLines(state).join('\n'))
  return state.sealed === undefined ? exit.well : exit.otherwise
}

function stateLines(state: KeyState): string[] {
  const { sealed, masterKeys, damagedKeys, oldestKeyAt, destroyed, destroyedAgain } = state
  return [
    sealed === undefined ? 'open' : `sealed (${sealed.reason}): ${sealed.message}`,
    ...masterKeys.map(
      ({ version, createdAt, keys, isCurrent }) =>
        `master key ${version}, made ${day(createdAt)}, ${counted(keys, 'key')}${isCurrent ? ', in use' : ''}`,
    ),
    `oldest key: ${oldestKeyAt === undefined ? 'none' : day(oldestKeyAt)}`,
    `destroyed: ${destroyed}`,
    ...damagedKeys.map((key) => `damaged key: ${key}`),
    ...destroyedAgain.map(
      ({ owner, keyVersion }) => `had come back and was destroyed again: ${owner} ${keyVersion}`,
    ),
  ]
}

const day = (date: Date): string => date.toISOString().slice(0, 10)

async function rotate({ db, vault }: Stack, caller: Caller): Promise<number> {
  const rotated = await rotateOnRecord({ db, vault }, caller, ({ key, done, total }) => {
    if (done % 100 === 0 || done === total)
      say(`${done} of ${total} keys, last ${key.owner} ${key.keyVersion}`)
  })
  if (!rotated.ok) {
    say(rotated.problem.message)
    return exit.otherwise
  }
  const { masterVersion, isNew, rewrapped, unneeded, damaged } = rotated.value
  for (const { owner, keyVersion } of damaged) print(`damaged key: ${owner} ${keyVersion}`)
  print(
    `${isNew ? 'rotated to' : 'finished the rotation to'} master key ${masterVersion}: ${rewrapped} re-wrapped`,
  )
  for (const version of unneeded)
    print(`nothing needs version ${version}: npm run vault -- retire ${version}`)
  return damaged.length === 0 ? exit.well : exit.otherwise
}

async function retire({ config, db, vault }: Stack, version: number, caller: Caller): Promise<number> {
  const retired = await retireOnRecord({ db, vault }, caller, version)
  if (!retired.ok) {
    say(retired.problem.message)
    return exit.otherwise
  }
  const { masterKeyFile } = config.data
  print(`master key ${version} is retired`)
  if (masterKeyFile !== undefined) print(`now remove the line of version ${version} from ${masterKeyFile}`)
  return exit.well
}

async function verify(
  { vault }: Stack,
  { from, json }: { readonly from: string | undefined; readonly json: boolean },
  note: Note,
): Promise<number> {
  await note('vault.verify', 'allowed', { phase: 'begun', from: from ?? null })
  const damages: Damage[] = []
  const totals = await verifyVault(vault, from, {
    found(damage) {
      if (json) damages.push(damage)
      else print(`${damage.says}: ${damage.owner} ${damage.id ?? 'key'}`)
    },
    finished: ({ owner, objects, done, total }) =>
      say(`${done} of ${total}: ${owner}, ${counted(objects, 'object')}`),
  })
  const { owners, objects, storedBytes, damaged } = totals
  if (owners === 0) say(`Nothing was verified: no owner is at or behind ${from}.`)
  await note('vault.verify', damaged === 0 ? 'allowed' : 'failed', { phase: 'ended', ...totals })
  print(
    json
      ? JSON.stringify({ ...totals, damages })
      : `${counted(objects, 'object')} of ${counted(owners, 'owner')}, ${counted(storedBytes, 'byte')}, ${damaged} damaged`,
  )
  if (owners === 0) return exit.usage
  return damaged === 0 ? exit.well : exit.otherwise
}

const counted = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? '' : 's'}`

await runCommandLine(main, 'The command stopped on a fault of its own; what it said until then holds.')
