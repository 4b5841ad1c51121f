import { freemem, totalmem } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { Database } from '../db/schema.ts'

const mebibyte = 1024 * 1024
/** Past these the adaptive mode takes one shard at a time. */
const pressure = { processBytes: 420 * mebibyte, freeShare: 0.05 }

/**
 * Adaptive mode: waits while memory is short and other shards are in flight, at most ten seconds, so that a machine
 * under pressure works its shards one after the other. Other modes go ahead at once.
 */
export async function allowedInFlight(
  db: Kysely<Database>,
  runId: string,
  inFlight: number,
  slots: number,
): Promise<void> {
  if (inFlight === 0 || slots <= 1 || !underPressure()) return
  const run = await db.selectFrom('runs').select('configuration').where('id', '=', runId).executeTakeFirst()
  if (run?.configuration.mode !== 'adaptive') return
  for (let waited = 0; waited < 100 && underPressure(); waited++) await wait(100)
}

const underPressure = () =>
  process.memoryUsage.rss() > pressure.processBytes || freemem() / totalmem() < pressure.freeShare
