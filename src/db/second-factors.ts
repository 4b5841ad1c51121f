import type { Kysely } from 'kysely'
import type { Action } from '../domain/audit/actions.ts'
import type { Caller } from '../domain/audit/entry.ts'
import {
  hashOfRecoveryCode,
  looksLikeRecoveryCode,
  recoveryCodeBytes,
  recoveryCodes,
} from '../domain/auth/recovery-codes.ts'
import { openSecret, sealSecret } from '../domain/auth/sealed-secret.ts'
import type { SecondFactors } from '../domain/auth/second-factor.ts'
import { base32, otpauthUri, secretBytes, stepOfCode } from '../domain/auth/totp.ts'
import type { SignedInUser } from '../domain/auth/user.ts'
import { ok, refuse } from '../domain/result.ts'
import type { Vault } from '../domain/vault/vault.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'

interface Deps {
  readonly db: Kysely<Database>
  readonly vault: Vault
  readonly clock: () => Date
  readonly random: (bytes: number) => Uint8Array
}

/** Of the vault's own key, which it has from its first start on and keeps when datasets go. */
const keyOwner = 'vault'

/** Second factors over Postgres, their secrets sealed with a key that only the vault can derive. */
export function secondFactorStore({ db, vault, clock, random }: Deps): SecondFactors {
  const key = () => vault.deriveKey(keyOwner, 'second factor secrets')
  const find = (userId: string) =>
    db.selectFrom('secondFactors').selectAll().where('userId', '=', userId).executeTakeFirst()
  const secretOf = async (row: { userId: string; sealedSecret: Buffer }) =>
    openSecret(await key(), row.userId, row.sealedSecret)

  return {
    async statusOf(userId) {
      const row = await find(userId)
      if (!row || row.confirmedAt === null) return { isOn: false, codesLeft: 0 }
      const { left } = await db
        .selectFrom('recoveryCodes')
        .select((eb) => eb.fn.countAll<number>().as('left'))
        .where('userId', '=', userId)
        .where('usedAt', 'is', null)
        .executeTakeFirstOrThrow()
      return { isOn: true, codesLeft: left }
    },

    async begin({ id, email }) {
      const fresh = sealSecret(await key(), random(12), id, random(secretBytes))
      // Opened again before it is confirmed, the page shows the same secret: an app may hold it already.
      await db
        .insertInto('secondFactors')
        .values({ userId: id, sealedSecret: fresh, createdAt: clock(), confirmedAt: null })
        .onConflict((conflict) => conflict.column('userId').doNothing())
        .execute()
      const row = await find(id)
      if (!row || row.confirmedAt !== null) return refuse('conflict', alreadyOn)
      const secret = await secretOf(row)
      return ok({ base32: base32(secret), uri: otpauthUri(secret, email) })
    },

    async confirm(caller, user, code) {
      const row = await find(user.id)
      if (!row || row.confirmedAt !== null) return refuse('conflict', alreadyOn)
      const step = stepOfCode(await secretOf(row), code, clock(), row.lastStep)
      if (step === undefined) return refuse('invalid', wrongCode, 'code')
      return db.transaction().execute(async (trx) => {
        const turnedOn = await trx
          .updateTable('secondFactors')
          .set({ confirmedAt: clock(), lastStep: step })
          .where('userId', '=', user.id)
          .where('confirmedAt', 'is', null)
          .returning('userId')
          .executeTakeFirst()
        if (!turnedOn) return refuse('conflict', alreadyOn)
        await record(trx, caller, 'second-factor.enrol', user)
        return ok(await replaceCodes(trx, user.id, random))
      })
    },

    async take(userId, code) {
      if (looksLikeRecoveryCode(code)) {
        const spent = await db
          .updateTable('recoveryCodes')
          .set({ usedAt: clock() })
          .where('userId', '=', userId)
          .where('codeHash', '=', hashOfRecoveryCode(code))
          .where('usedAt', 'is', null)
          .returning('userId')
          .executeTakeFirst()
        return spent !== undefined
      }
      const row = await find(userId)
      if (!row || row.confirmedAt === null) return false
      const step = stepOfCode(await secretOf(row), code, clock(), row.lastStep)
      if (step === undefined) return false
      // Of two who send the same code at once, one moves the step and is in.
      const taken = await db
        .updateTable('secondFactors')
        .set({ lastStep: step })
        .where('userId', '=', userId)
        .where('lastStep', '<', step)
        .returning('userId')
        .executeTakeFirst()
      return taken !== undefined
    },

    async renewCodes(caller, user) {
      const row = await find(user.id)
      if (!row || row.confirmedAt === null) return refuse('conflict', 'Turn the second factor on first.')
      return db.transaction().execute(async (trx) => {
        await record(trx, caller, 'second-factor.renew-codes', user)
        return ok(await replaceCodes(trx, user.id, random))
      })
    },

    remove: (caller, user) =>
      db.transaction().execute(async (trx) => {
        await dropSecondFactor(trx, user.id)
        await record(trx, caller, 'second-factor.remove', user)
      }),
  }
}

/** Takes secret and codes of someone away, within the transaction that says so in the audit log. */
export async function dropSecondFactor(trx: Kysely<Database>, userId: string): Promise<void> {
  await trx.deleteFrom('secondFactors').where('userId', '=', userId).execute()
  await trx.deleteFrom('recoveryCodes').where('userId', '=', userId).execute()
}

const alreadyOn = 'The second factor is on already. Turn it off first to set up another app.'
const wrongCode =
  'This code does not match. Wait for the next one, and check that the clock of the device is right.'

async function replaceCodes(
  trx: Kysely<Database>,
  userId: string,
  random: Deps['random'],
): Promise<string[]> {
  const codes = recoveryCodes(random(recoveryCodeBytes))
  await trx.deleteFrom('recoveryCodes').where('userId', '=', userId).execute()
  await trx
    .insertInto('recoveryCodes')
    .values(codes.map((code) => ({ userId, codeHash: hashOfRecoveryCode(code), usedAt: null })))
    .execute()
  return codes
}

const record = (trx: Kysely<Database>, caller: Caller, action: Action, user: SignedInUser) =>
  recordAudit(trx, caller, { action, objectType: 'user', objectId: user.id, outcome: 'allowed', details: {} })
