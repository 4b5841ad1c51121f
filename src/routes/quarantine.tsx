import { Hono } from 'hono'
import { z } from 'zod'
import { keepRepairs, takeBackRepair } from '../db/keep-repairs.ts'
import {
  type FoundRecord,
  findRecord,
  findRunOfQuarantine,
  listQuarantine,
  readReasons,
  readRecord,
} from '../db/quarantine.ts'
import { type ManyRepaired, type RecordKey, repairMany } from '../db/repair-many.ts'
import { countRepairs, type FoundRepair, findRepairs } from '../db/repairs.ts'
import { readRequest } from '../db/run-requests.ts'
import { SourceRefused } from '../domain/formats/source-refused.ts'
import type { RecordText } from '../domain/pipeline/record-text.ts'
import { stages } from '../domain/pipeline/run.ts'
import type { RunSummary } from '../domain/pipeline/run-view.ts'
import { QuarantinePage } from '../views/runs/quarantine-page.tsx'
import { QuarantineRecordPage, type SourceExcerpt } from '../views/runs/quarantine-record-page.tsx'
import { QuarantineRepairsPage } from '../views/runs/quarantine-repairs-page.tsx'
import { type AppContext, type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { formOf } from './frame/readable-form.ts'
import { answerProblem } from './problem.tsx'
import { answerStart, newKey, readStart } from './start-run.ts'

/** An empty filter means any; a wrong one too, so that old links still show something. */
const optional = <T extends z.ZodType>(type: T) => type.optional().catch(undefined)
const Reason = z.string().min(1).max(64)
const count = optional(z.coerce.number().int().min(0))
/** A record as addresses name it: dataset and ordinal. */
const Key = z
  .string()
  .regex(/^[\w-]{1,64}\.\d{1,15}$/)
  .transform((text): RecordKey => {
    const [datasetId = '', ordinal] = text.split('.')
    return { datasetId, ordinal: Number(ordinal) }
  })
const keyOf = ({ datasetId, ordinal }: RecordKey): string => `${datasetId}.${ordinal}`

const ListQuery = z.object({
  stage: optional(z.enum(stages)),
  reason: optional(Reason),
  page: z.coerce.number().int().min(1).max(100_000).catch(1),
})
/** What an action over many records did, on the way back to the list. */
const DoneQuery = z.object({ repaired: count, looked: count, left: count, last: optional(Key) })
const ManyRequest = z.object({ stage: z.enum(stages), reason: Reason, after: optional(Key) })
const RecordPath = z.object({ datasetId: z.string(), ordinal: z.coerce.number().int().min(0) })

/** A page shows this much of a record's text, in UTF-16 units: 64 KiB of plain Latin text. */
const shownLength = 64 * 1024
/** A text this long still fits a form after everything else in it. */
const longestEdit = 512 * 1024

/** The quarantine of a run: its list, each record, repairs, and the run that goes on with them. */
export function quarantineRoutes(deps: AppDeps) {
  const { db, vault, clock, random, examineRecord } = deps
  const repairing = { db, vault, clock, random, examineRecord }
  const findRun = (c: AppContext) => findRunOfQuarantine(db, c.var.user, c.req.param('id') ?? '')

  const find = async (c: AppContext): Promise<{ run: RunSummary; record: FoundRecord } | undefined> => {
    const path = RecordPath.safeParse(c.req.param())
    const run = path.success ? await findRun(c) : undefined
    if (!run || !path.success) return undefined
    const record = await findRecord(db, run.id, path.data.datasetId, path.data.ordinal)
    return record && { run, record }
  }

  /** What the run read as the record: its text in the source, or the repair of an earlier run. */
  const textOf = async (c: AppContext, run: RunSummary, record: FoundRecord) => {
    const { own, read } = await findRepairs(deps, run.id, record.datasetId, record.ordinal)
    try {
      const source = await readRecord(deps, c.var.caller, run.id, record)
      const text: RecordText =
        read === undefined
          ? source
          : { text: read.text, draft: read.text, isWhole: true, isJson: true, isRendered: true }
      return { own, read, text }
    } catch (error) {
      if (!(error instanceof SourceRefused)) throw error
      return { own, read, unreadable: error.message }
    }
  }

  /** @param edit a text that was refused, to be shown again with what is wrong with it */
  const recordPage = async (
    c: AppContext,
    run: RunSummary,
    record: FoundRecord,
    edit?: { readonly text: string; readonly problem: string },
  ) => {
    const { reason, input } = record
    const { text, unreadable, own, read } = await textOf(c, run, record)
    const repair = own ?? read
    const { mapping } = input
    const wants = text?.isJson && text.isWhole ? 'fault and proposal' : 'fault'
    const { fault, proposal } =
      text === undefined ? {} : await examineRecord({ text: text.text, reason, mapping, wants })
    const draft = edit?.text ?? repair?.text ?? (text?.isWhole ? text.draft : undefined)
    const view = {
      ...record,
      ...(text === undefined ? {} : { source: excerptOf(text, fault ?? [0, text.text.length]) }),
      ...(unreadable === undefined ? {} : { unreadable }),
      ...(proposal === undefined || own ? {} : { proposal: proposal.pieces, morePieces: proposal.more }),
      ...(repair === undefined ? {} : { repair: withoutText(repair) }),
      // What a person wrote is shown again however long it is.
      ...(draft === undefined || (!edit && Buffer.byteLength(draft) > longestEdit) ? {} : { draft }),
      isLoneRow: input.mapping.shape === 'rows' && record.stage === 'ingestion',
    }
    return c.html(
      <QuarantineRecordPage
        {...frameOf(c)}
        run={run}
        record={view}
        mayWrite={c.var.may('record.repair')}
        problem={edit?.problem}
        now={clock()}
      />,
      edit === undefined ? 200 : 422,
    )
  }

  return new Hono<AppEnv>()
    .get('/:id/quarantine', async (c) => {
      const run = await findRun(c)
      if (!run) return answerProblem(c, gone)
      const { stage, reason, page } = ListQuery.parse(c.req.query())
      const { repaired, looked, left, last } = DoneQuery.parse(c.req.query())
      const filter = {
        ...(stage === undefined ? {} : { stage }),
        ...(reason === undefined ? {} : { reason }),
      }
      const [rows, reasons, repairs] = await Promise.all([
        listQuarantine(db, run.id, filter, page),
        readReasons(db, run.id),
        countRepairs(db, run.id),
      ])
      const isDone = repaired !== undefined && looked !== undefined && left !== undefined
      return c.html(
        <QuarantinePage
          {...frameOf(c)}
          run={run}
          rows={rows}
          stage={stage}
          reason={reason}
          reasons={reasons}
          repairs={repairs}
          mayWrite={c.var.may('record.repair')}
          isRunning={isGoingOn(run)}
          idempotencyKey={newKey(deps.random)}
          done={isDone ? { repaired, looked, left, last: last && keyOf(last) } : undefined}
        />,
      )
    })
    .get('/:id/quarantine/repairs', async (c) => {
      const run = await findRun(c)
      const asked = ManyRequest.safeParse(c.req.query())
      if (!run || !asked.success) return answerProblem(c, gone)
      const { stage, reason, after } = asked.data
      const many = await repairMany(repairing, c.var.caller, run.id, { stage, reason }, after, false)
      return c.html(
        <QuarantineRepairsPage
          {...frameOf(c)}
          run={run}
          stage={stage}
          reason={reason}
          looked={many.looked}
          repairable={many.repaired}
          left={many.left}
          after={after && keyOf(after)}
          last={many.last && keyOf(many.last)}
        />,
      )
    })
    .post('/:id/quarantine/repairs', async (c) => {
      const run = await findRun(c)
      if (!run) return answerProblem(c, gone)
      const asked = ManyRequest.safeParse(Object.fromEntries(await formOf(c)))
      if (!asked.success) return answerProblem(c, { kind: 'invalid', message: 'Choose a reason first.' })
      const { stage, reason, after } = asked.data
      const many = await repairMany(repairing, c.var.caller, run.id, { stage, reason }, after, true)
      return c.redirect(`/runs/${run.id}/quarantine?${doneQuery(stage, reason, many)}`, 303)
    })
    .get('/:id/quarantine/:datasetId/:ordinal', async (c) => {
      const found = await find(c)
      return found ? recordPage(c, found.run, found.record) : answerProblem(c, gone)
    })
    .post('/:id/quarantine/:datasetId/:ordinal/repair', async (c) => {
      const found = await find(c)
      if (!found) return answerProblem(c, gone)
      const { run, record } = found
      const form = await formOf(c)
      const sent = form.get('text')
      const keep = (kind: 'proposed' | 'edited', text: string) =>
        keepRepairs(repairing, c.var.caller, run.id, record.datasetId, kind, [[record.ordinal, text]])
      if (form.get('kind') === 'edited') {
        // A form sends line breaks of its own, which JSON does not tell apart.
        const text = typeof sent === 'string' ? sent.replaceAll('\r\n', '\n') : ''
        const examined = {
          text,
          reason: record.reason,
          mapping: record.input.mapping,
          wants: 'problem',
        } as const
        const { problem } = await examineRecord(examined)
        if (problem !== undefined) return recordPage(c, run, record, { text, problem })
        const kept = await keep('edited', text)
        if (!kept.ok) return answerProblem(c, kept.problem)
      } else {
        const { text } = await textOf(c, run, record)
        const { reason, input } = record
        const { repaired: proposed } =
          text?.isWhole && text.isJson
            ? await examineRecord({ text: text.text, reason, mapping: input.mapping, wants: 'repair' })
            : {}
        if (proposed === undefined) return answerProblem(c, noProposal)
        const kept = await keep('proposed', proposed)
        if (!kept.ok) return answerProblem(c, kept.problem)
      }
      return c.redirect(pathOf(run, record), 303)
    })
    .post('/:id/quarantine/:datasetId/:ordinal/repair/removal', async (c) => {
      const found = await find(c)
      if (!found) return answerProblem(c, gone)
      const { run, record } = found
      const isTaken = await takeBackRepair(deps, c.var.caller, run.id, record.datasetId, record.ordinal)
      return isTaken ? c.redirect(pathOf(run, record), 303) : answerProblem(c, noRepair)
    })
    .post('/:id/follow-up', async (c) => {
      const run = await findRun(c)
      if (!run) return answerProblem(c, gone)
      if (isGoingOn(run)) return answerProblem(c, stillRunning)
      if ((await countRepairs(db, run.id)) === 0) return answerProblem(c, nothingRepaired)
      const asked = await readStart(c)
      if (asked instanceof Response) return asked
      return answerStart(c, deps, {
        ...(await readRequest(db, run.id)),
        parentRunId: run.id,
        // The button pressed twice is one request.
        ...(asked.ok && asked.idempotencyKey !== undefined ? { idempotencyKey: asked.idempotencyKey } : {}),
      })
    })
}

const isGoingOn = ({ status }: RunSummary): boolean => status === 'queued' || status === 'running'

const pathOf = (run: RunSummary, { datasetId, ordinal }: RecordKey): string =>
  `/runs/${run.id}/quarantine/${datasetId}/${ordinal}`

const withoutText = ({ text: _text, ...repair }: FoundRepair) => repair

function doneQuery(stage: string, reason: string, { repaired, looked, left, last }: ManyRepaired): string {
  const counts = { repaired: String(repaired), looked: String(looked), left: String(left) }
  return String(new URLSearchParams({ stage, reason, ...counts, ...(last && { last: keyOf(last) }) }))
}

/** The text around what is wrong with it; of a long fault its beginning. */
function excerptOf(
  { text, isWhole, isRendered }: RecordText,
  [from, to]: readonly [number, number],
): SourceExcerpt {
  const start = to - from >= shownLength / 2 ? from : Math.max(0, from - shownLength / 2)
  const end = Math.min(text.length, start + shownLength)
  return {
    before: text.slice(start, from),
    marked: text.slice(from, Math.min(to, end)),
    after: text.slice(Math.min(to, end), end),
    isCutBefore: start > 0,
    isCutAfter: end < text.length || !isWhole,
    isRendered,
  }
}

const gone = {
  kind: 'not-found',
  message: 'Nothing is at this address, or it is not yours to see. Check it, or start from the overview.',
} as const
const noProposal = {
  kind: 'conflict',
  message: 'No repair can be proposed for this record without a guess. Go back and edit it by hand.',
} as const
const noRepair = {
  kind: 'conflict',
  message: 'This record has no repair under this run, so there is nothing to take back.',
} as const
const stillRunning = {
  kind: 'conflict',
  message: 'This run has not ended yet. Wait for its end or cancel it, then run it again with the repairs.',
} as const
const nothingRepaired = {
  kind: 'conflict',
  message: 'No record of this run was repaired yet. Repair one in its quarantine, then run it again.',
} as const
