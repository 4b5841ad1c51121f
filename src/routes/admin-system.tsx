import { Hono } from 'hono'
import { readAuditState } from '../db/audit-state.ts'
import { listPeriodicWork } from '../db/periodic-work.ts'
import { listWorkers, readDatabaseState, readHousekeeper, readQueueState } from '../db/system-state.ts'
import { systemChecks } from '../domain/system/checks.ts'
import { periodicStates } from '../domain/system/periodic-work.ts'
import { SystemPage } from '../views/admin/system-page.tsx'
import { type AppDeps, type AppEnv, frameOf } from './app-context.ts'

/** What operators ask first, on one page. */
export const adminSystemRoutes = ({ db, keys, host, clock }: AppDeps) =>
  new Hono<AppEnv>().get('/', async (c) => {
    const [keyState, disk, workers, queue, audit, housekeeper, database, works] = await Promise.all([
      keys.state(),
      host.disk(),
      listWorkers(db),
      readQueueState(db),
      readAuditState(db),
      readHousekeeper(db),
      readDatabaseState(db),
      listPeriodicWork(db),
    ])
    const found = { keys: keyState, disk, workers, queue, audit, housekeeper }
    const now = clock()
    return c.html(
      <SystemPage
        {...frameOf(c)}
        {...found}
        checks={systemChecks(found, now)}
        periodic={periodicStates(works, now)}
        host={host}
        database={database}
        now={now}
      />,
    )
  })
