import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import { retireOnRecord, rotateOnRecord } from '../db/key-changes.ts'
import { isKeyRotationGoingOn } from '../db/key-rotation-lock.ts'
import type { Database } from '../db/schema.ts'
import type { Caller } from '../domain/audit/entry.ts'
import { errorTrace } from '../domain/error-trace.ts'
import { ok, type Result } from '../domain/result.ts'
import { type KeyAdministration, unfinishedRotation } from '../domain/vault/key-administration.ts'
import type { KeyKeeper } from '../domain/vault/key-state.ts'

interface Deps {
  readonly db: Kysely<Database>
  readonly vault: Pick<KeyKeeper, 'keyState' | 'rotate' | 'retire'>
  readonly log: Logger
}

export interface KeyRotations extends KeyAdministration {
  /** Goes on with a rotation that a process did not end, unless another is at it. */
  goOn(caller: Caller): Promise<void>
  /** Resolves when the rotation of this process, if there is one, has ended. */
  settled(): Promise<void>
}

/**
 * Rotation of the master key behind the portal. It may die with its process at any moment: what is left to do is in the
 * wrapped keys, and the next start goes on with it.
 */
export function keyRotations({ db, vault, log }: Deps): KeyRotations {
  let problem: string | undefined
  let running: Promise<void> = Promise.resolve()

  const begin = (caller: Caller): Promise<Result<void>> =>
    new Promise((resolve, reject) => {
      let isUnderWay = false
      const rotated = rotateOnRecord({ db, vault }, caller, () => {
        isUnderWay = true
        problem = undefined
        resolve(ok(undefined))
      })
      const told = rotated.then(
        (result) => {
          if (!result.ok) {
            // Before the first key it is the answer to whoever asked; later only the page can say it.
            if (isUnderWay) problem = result.problem.message
            return resolve(result)
          }
          const { rewrapped, damaged } = result.value
          log.info({ keys: rewrapped }, 'the master key was rotated')
          if (damaged.length > 0)
            log.error({ keys: damaged.length }, 'keys do not open and were not re-wrapped')
          problem = undefined
          resolve(ok(undefined))
        },
        (error: unknown) => {
          problem = 'It stopped on a fault; the log says more. Begin it again: it goes on with what is left.'
          log.error({ error: errorTrace(error) }, 'the rotation of the master key failed')
          reject(error)
        },
      )
      running = Promise.all([running, told]).then(() => {})
    })

  return {
    state: () => vault.keyState(),
    isBusy: () => isKeyRotationGoingOn(db),
    lastProblem: () => problem,
    beginRotation: begin,
    retire: (caller, masterVersion) => retireOnRecord({ db, vault }, caller, masterVersion),
    async goOn(caller) {
      if (unfinishedRotation(await vault.keyState()) === undefined || (await isKeyRotationGoingOn(db))) return
      await begin(caller)
    },
    settled: () => running,
  }
}
