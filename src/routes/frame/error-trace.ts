import { VaultError } from '../../domain/vault/vault.ts'

/**
 * What of an error may be logged: its kind, code and place. Messages of parsers and of the database quote what they
 * were given, so only our own are kept.
 */
export function errorTrace(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const at = (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 12)
  const message = error instanceof VaultError ? error.message : undefined
  const cause = error.cause === undefined ? undefined : errorTrace(error.cause)
  return { name: error.name, code, message, at, cause }
}
