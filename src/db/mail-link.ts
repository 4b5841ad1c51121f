import type { Kysely } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import { type IssuedLink, linkLetter } from '../domain/auth/link-letter.ts'
import type { Mail, MailOutcome } from '../domain/mail/mail.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'

/**
 * Mails someone their one-time link, and records how that ended. Called after the transaction that made the link: a slow
 * mail server holds no lock, and no letter goes out with a link that was rolled back.
 */
export async function mailLink(
  { db, mail }: { readonly db: Kysely<Database>; readonly mail: Mail },
  caller: Caller,
  link: IssuedLink,
  href: string,
): Promise<MailOutcome> {
  const outcome = await mail.send(linkLetter(link, href))
  await recordAudit(db, caller, {
    action: 'user.mail-link',
    objectType: 'user',
    objectId: link.userId,
    outcome: outcome === 'sent' ? 'allowed' : 'failed',
    details: { kind: link.kind, result: outcome },
  })
  return outcome
}
