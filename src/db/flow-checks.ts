import type { Kysely } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import type { CheckRequests } from '../domain/flows/monitor/check-requests.ts'
import type { FlowMonitor } from '../domain/flows/monitor/flow-monitor.ts'
import { ok, type Result, refuse } from '../domain/result.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'

interface Ports {
  readonly db: Kysely<Database>
  readonly flows: Pick<FlowMonitor, 'checkNow'>
  readonly requests: CheckRequests
  readonly clock: () => Date
}

/** Asks for a run of a check now, on record. Refused when it was asked for a moment ago. */
export async function requestCheck(
  { db, flows, requests, clock }: Ports,
  caller: Caller,
  flowId: string,
  checkId: string,
): Promise<Result<undefined>> {
  const taken = requests.take(flowId, checkId, clock().getTime())
  if (!taken.ok) return taken
  return db.transaction().execute(async (transaction) => {
    if (!(await flows.checkNow(flowId, checkId))) {
      return refuse(
        'conflict',
        `${checkId} cannot be run by itself: it is switched off, or made of other checks.`,
      )
    }
    await recordAudit(transaction, caller, {
      action: 'flow.check',
      objectType: 'flow',
      objectId: flowId,
      outcome: 'allowed',
      details: { check: checkId },
    })
    return ok(undefined)
  })
}
