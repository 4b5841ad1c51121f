import type { Caller } from '../../domain/audit/entry.ts'
import type { AppContext } from '../app-context.ts'
import { clientAddress } from './client.ts'

/** Whoever asks, before it is known who that is. */
export function anonymousCaller(c: AppContext): Caller {
  const address = clientAddress(c)
  return {
    actor: { id: 'anonymous', kind: 'system' },
    requestId: c.var.requestId,
    ...(address === undefined ? {} : { address }),
  }
}
