import type { Kysely } from 'kysely'
import { type LedgerRow, type RunStatus, stages } from '../domain/pipeline/run.ts'
import { readLedger } from './advance-run.ts'
import type { Database } from './schema.ts'

export interface RunReport {
  readonly runId: string
  readonly datasetId: string
  readonly status: RunStatus
  readonly mode: string
  readonly seconds: number
  readonly conversationsPerSecond: number
  readonly detected: {
    readonly format: string
    readonly encoding: string
    readonly mapping: unknown
    readonly confidence: number
    readonly evidence: readonly unknown[]
  }
  readonly sourceUnits: { readonly in: number; readonly grouped: number; readonly quarantined: number }
  readonly stages: readonly LedgerRow[]
  readonly quality: {
    readonly accepted: number
    readonly rejected: number
    /** 0 to 1; null when nothing was scored. */
    readonly meanScore: number | null
    readonly findings: Readonly<Record<string, number>>
  }
  readonly exports: readonly {
    readonly path: string
    readonly template: string
    readonly format: string
    readonly records: number
    readonly bytes: number
    readonly sha256: string
  }[]
  readonly problem?: string
}

/** Everything a caller without a browser wants to know of a run, as `npm run pipeline -- --report json` prints it. */
export async function readRunReport(db: Kysely<Database>, runId: string): Promise<RunReport> {
  const run = await db.selectFrom('runs').selectAll().where('id', '=', runId).executeTakeFirstOrThrow()
  const file = await db
    .selectFrom('runInputs')
    .innerJoin('datasets', 'datasets.id', 'runInputs.datasetId')
    .innerJoin('datasetFiles', 'datasetFiles.datasetId', 'datasets.id')
    .select(['datasets.id', 'datasets.mapping', 'datasetFiles.detection'])
    .where('runId', '=', runId)
    .orderBy('runInputs.position')
    .orderBy('datasetFiles.position')
    .executeTakeFirstOrThrow()
  const exports = await db
    .selectFrom('runExports')
    .selectAll()
    .where('runId', '=', runId)
    .orderBy('position')
    .execute()
  const findings = await db
    .selectFrom('runFindings')
    .select(['rule', 'findings'])
    .where('runId', '=', runId)
    .orderBy('rule')
    .execute()
  const ledger = await readLedger(db, runId)
  const quality = ledger.find((row) => row.stage === 'quality')
  const seconds =
    run.startedAt && run.finishedAt ? (run.finishedAt.getTime() - run.startedAt.getTime()) / 1000 : 0
  const { layout, confidence, evidence } = file.detection
  return {
    runId,
    datasetId: file.id,
    status: run.status,
    mode: run.configuration.mode,
    seconds,
    conversationsPerSecond: seconds > 0 ? Math.round((ledger[0]?.in ?? 0) / seconds) : 0,
    detected: {
      format: layout.format,
      encoding: layout.encoding,
      mapping: file.mapping ?? file.detection.mapping,
      confidence,
      evidence,
    },
    sourceUnits: { in: run.unitsIn, grouped: run.unitsGrouped, quarantined: run.unitsQuarantined },
    stages: stages.flatMap((stage) => ledger.filter((row) => row.stage === stage)),
    quality: {
      accepted: quality?.out ?? 0,
      rejected: quality?.rejected ?? 0,
      meanScore: run.scoreCount === 0 ? null : Math.round(run.scoreSum / run.scoreCount) / 1000,
      findings: Object.fromEntries(findings.map((row) => [row.rule, row.findings])),
    },
    exports: exports.flatMap((row) =>
      row.sha256 === null
        ? []
        : [
            {
              path: row.path,
              template: row.target,
              format: row.format,
              records: row.records ?? 0,
              bytes: row.bytes ?? 0,
              sha256: row.sha256,
            },
          ],
    ),
    ...(run.problem === null ? {} : { problem: run.problem }),
  }
}
