import { randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { AuditEntry, Caller } from '../domain/audit/entry.ts'
import type { Database } from './schema.ts'

/**
 * Adds one entry to the audit outbox, over the connection or transaction given: call it inside the transaction
 * that makes the change, so that neither can happen without the other. The sequencer binds the details by a
 * salted commitment; they may be deleted later without breaking the log.
 */
export async function recordAudit(
  db: Pick<Kysely<Database>, 'insertInto'>,
  caller: Caller,
  entry: AuditEntry,
): Promise<void> {
  const { address, keyId } = caller
  const details = JSON.stringify({
    ...entry.details,
    ...(address === undefined ? {} : { address }),
    ...(keyId === undefined ? {} : { key: keyId }),
  })
  await db
    .insertInto('audit.outbox')
    .values({
      actorId: caller.actor.id,
      actorKind: caller.actor.kind,
      action: entry.action,
      objectType: entry.objectType,
      objectId: entry.objectId,
      outcome: entry.outcome,
      requestId: caller.requestId,
      salt: randomBytes(16),
      details,
    })
    .execute()
}
