import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { OpenedVault } from './adapters/local-vault.ts'

/** Between two looks after the master key. */
const lookMs = 1_000

/**
 * Waits until the vault opens; says once in the log why it does not, and that keys which had come back from a backup were
 * destroyed again.
 * @returns false when the signal came first
 */
export async function untilUnsealed(vault: OpenedVault, log: Logger, signal: AbortSignal): Promise<boolean> {
  let told = ''
  while (!signal.aborted) {
    const sealed = await vault.unseal()
    if (sealed === undefined) {
      if (told !== '') log.info('the vault is open')
      const { destroyedAgain } = await vault.keyState()
      if (destroyedAgain.length > 0) {
        log.warn(
          { keys: destroyedAgain.length },
          'destroyed keys had come back, from a backup; they are destroyed again',
        )
      }
      return true
    }
    if (sealed.message !== told)
      log.error({ reason: sealed.reason }, 'the vault is sealed; docs/keys.md says what to do')
    told = sealed.message
    await wait(lookMs, undefined, { signal }).catch(() => {})
  }
  return false
}
