import { Readable } from 'node:stream'
import { Hono } from 'hono'
import type { SSEMessage } from 'hono/streaming'
import { z } from 'zod'
import { readEntries } from '../db/audit-entries.ts'
import { proveEntry, readEntryView } from '../db/audit-entry-view.ts'
import { nameEntries } from '../db/audit-names.ts'
import { recordAudit } from '../db/audit-outbox.ts'
import { type AuditFilter, readAuditPage, readAuditTail } from '../db/audit-reading.ts'
import { markReviewed, readLastReview } from '../db/audit-reviews.ts'
import { readAuditState, readLogSize } from '../db/audit-state.ts'
import {
  type AuditExportFormat,
  auditExportFormats,
  exportHead,
  exportLine,
} from '../domain/audit/audit-export.ts'
import type { Viewer } from '../domain/datasets/access.ts'
import { type AuditQuery, leftOut } from '../views/audit/audit-filter.tsx'
import { AuditPage, type EntryList } from '../views/audit/audit-page.tsx'
import { EntryRow } from '../views/audit/audit-table.tsx'
import { EntryPage } from '../views/audit/entry-page.tsx'
import type { NoticeText } from '../views/components/notice.tsx'
import { type AppContext, type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { EntryNumber, filterOf, readCursor, readQuery, wrongFilters } from './audit-query.ts'
import { asked, auditViews, recordView } from './audit-views.ts'
import { download } from './download.ts'
import { answerProblem } from './problem.tsx'
import { sse } from './sse.ts'

const pageSize = 100
const exportStep = 500
/** Rows told at once; more follow in the next message. */
const mostNews = 100
const leastBetweenMs = 250

const ExportQuery = z.object({
  format: z.enum(auditExportFormats).default('csv'),
  /** `0`: for programs that take a byte order mark for a part of the first name. */
  bom: z.enum(['0', '1']).catch('1'),
})
const ReviewForm = z.object({ through: EntryNumber })
const After = EntryNumber.optional().catch(undefined)

/** The audit log: its table, live rows, entries with their proof, export, and the mark of who looked through it. */
export function auditRoutes(deps: AppDeps) {
  const { db, clock } = deps
  const views = auditViews(deps)

  const entryOf = async (c: AppContext) => {
    const seq = EntryNumber.safeParse(c.req.param('seq'))
    return seq.success ? readEntryView(db, c.var.user, seq.data) : undefined
  }

  return new Hono<AppEnv>()
    .get('/', async (c) => {
      const query = readQuery(c.req.query())
      // Read first: what comes between this and the page is then told by the tail as well, and put once.
      const state = await readAuditState(db)
      const view = await views.recordList(c, query, state.rows)
      const [list, review] = await Promise.all([
        readList(deps, c.var.user, await filterOf(db, query), c.req.query()),
        readLastReview(db),
      ])
      return c.html(
        <AuditPage
          {...frameOf(c, noticesOf(c))}
          state={state}
          list={list}
          query={query}
          review={review}
          may={{ export: c.var.may('audit.export'), review: c.var.may('audit.review') }}
          tail={{ newest: state.rows, view }}
          now={clock()}
        />,
      )
    })
    .get('/news', async (c) => {
      const query = readQuery(c.req.query())
      const after = await startOf(c)
      await views.recordLive(c, query, after)
      const { html, through } = await readNews(deps, c.var.user, await filterOf(db, query), after)
      c.header('X-Through', String(through))
      return c.html(html)
    })
    .get('/events', async (c) => {
      const query = readQuery(c.req.query())
      const filter = await filterOf(db, query)
      const after = await startOf(c)
      if (c.req.method !== 'HEAD') await views.recordLive(c, query, after)
      return sse(c, deps, (closed) => news(deps, c.var.user, filter, after, closed))
    })
    .get('/export', async (c) => {
      const query = readQuery(c.req.query())
      const asks = ExportQuery.safeParse(c.req.query())
      if (!asks.success) return answerProblem(c, unknownFormat)
      const { format, bom } = asks.data
      // A page can say what it left out; a file that holds more than was asked for cannot.
      const wrong = wrongFilters(c.req.query())
      if (wrong.length > 0) return answerProblem(c, { kind: 'invalid', message: leftOut(wrong) })
      // Before a byte leaves.
      await recordAudit(db, c.var.caller, {
        action: 'audit.export',
        objectType: 'system',
        objectId: 'audit',
        outcome: 'allowed',
        details: { format, ...asked(query) },
      })
      const lines = Readable.from(
        exported(deps, await filterOf(db, query), { format, isMarked: bom === '1' }),
      )
      const name = `audit-${clock().toISOString().slice(0, 10)}.${format}`
      return download(c, deps, lines, {
        'Content-Type': format === 'csv' ? 'text/csv; charset=utf-8; header=present' : 'application/jsonl',
        'Content-Disposition': `attachment; filename="${name}"`,
      })
    })
    .post('/reviews', async (c) => {
      const form = ReviewForm.safeParse(await c.req.parseBody())
      if (!form.success) return answerProblem(c, noNumber)
      const marked = await markReviewed(deps, c.var.caller, form.data.through)
      return marked.ok ? c.redirect('/admin/audit', 303) : answerProblem(c, marked.problem)
    })
    .get('/:seq', async (c) => {
      const view = await entryOf(c)
      if (view === undefined) return answerProblem(c, noEntry)
      await recordView(db, c, { seq: view.entry.seq })
      const [row] = await nameEntries(db, c.var.user, [{ ...view.entry, at: new Date(view.entry.at) }])
      if (row === undefined) return answerProblem(c, noEntry)
      return c.html(<EntryPage {...frameOf(c)} view={view} row={row} now={clock()} />)
    })
    .get('/:seq/proof', async (c) => {
      const seq = EntryNumber.safeParse(c.req.param('seq'))
      const [entry] = seq.success ? await readEntries(db, [seq.data]) : []
      if (entry === undefined) return answerProblem(c, noEntry)
      const proof = await proveEntry(db, entry)
      if (proof.kind !== 'proven') return answerProblem(c, noProof[proof.kind])
      await recordView(db, c, { seq: entry.seq, proof: true })
      const receipt = {
        entry,
        index: entry.seq - 1,
        path: proof.proof.path.map(({ hash }) => Buffer.from(hash, 'hex').toString('base64')),
        checkpoint: proof.proof.checkpoint,
      }
      return c.body(`${JSON.stringify(receipt)}\n`, 200, {
        'Content-Type': 'application/json',
        'Content-Disposition': `attachment; filename="audit-entry-${entry.seq}.json"`,
      })
    })

  /** Where live rows begin: what the page has seen, or now. */
  async function startOf(c: AppContext): Promise<number> {
    const after = After.parse(c.req.query('after'))
    if (after !== undefined) return after
    return readLogSize(db)
  }
}

/**
 * What of the address was left out, to be said above the list.
 * @param without filters that this list does not have
 */
export function noticesOf(c: AppContext, without: readonly (keyof AuditQuery)[] = []): NoticeText[] {
  const query = c.req.query()
  const wrong = [...new Set([...without.filter((key) => query[key]), ...wrongFilters(query)])]
  return wrong.length === 0 ? [] : [{ state: 'degraded', text: leftOut(wrong) }]
}

const noEntry = {
  kind: 'not-found',
  message: 'There is no entry of this number (yet). Open the audit log and look there.',
} as const
const unknownFormat = {
  kind: 'invalid',
  message: 'The log is exported as csv or jsonl. Choose one of them.',
  field: 'format',
} as const
const noNumber = {
  kind: 'invalid',
  message: 'Say up to which entry, by its number.',
  field: 'through',
} as const
const noProof = {
  waiting: {
    kind: 'conflict',
    message: 'No signed checkpoint covers this entry yet. Try again in a minute.',
  },
  broken: {
    kind: 'conflict',
    message: 'This entry does not lead to the signed root. Run npm run audit -- verify.',
  },
} as const

/** A page of the list, with the cursors of those before and after it. */
export async function readList(
  { db }: Pick<AppDeps, 'db'>,
  viewer: Viewer,
  filter: AuditFilter,
  query: Record<string, string>,
): Promise<EntryList> {
  const cursor = readCursor(query)
  const { entries, next, searchedTo } = await readAuditPage(db, filter, cursor, pageSize)
  const rows = await nameEntries(db, viewer, entries)
  const [top, bottom] = [rows[0]?.seq ?? null, rows.at(-1)?.seq ?? null]
  const isUpward = cursor.after !== undefined
  const isFirst = cursor.before === undefined && !isUpward
  return {
    rows,
    searchedTo: isUpward ? null : searchedTo,
    older: isUpward ? (bottom ?? cursor.after ?? null) : next,
    newer: isUpward ? next : isFirst ? null : (top ?? cursor.before ?? null),
    isNewest: isFirst && filter.to === undefined,
    isCut: filter.about?.isCut ?? false,
  }
}

/** New entries as rows, the newest on top. */
async function readNews(
  { db, clock }: Pick<AppDeps, 'db' | 'clock'>,
  viewer: Viewer,
  filter: AuditFilter,
  after: number,
) {
  const { entries, through } = await readAuditTail(db, filter, after, mostNews)
  const rows = await nameEntries(db, viewer, entries.toReversed())
  const now = clock()
  return { html: rows.map((row) => String(<EntryRow row={row} now={now} />)).join(''), through }
}

/** What comes into the log from now on, at most four times a second. The id of a message is where the next begins. */
async function* news(
  deps: Pick<AppDeps, 'db' | 'clock' | 'progress'>,
  viewer: Viewer,
  filter: AuditFilter,
  after: number,
  closed: AbortSignal,
): AsyncGenerator<SSEMessage> {
  const changes = deps.progress.watch('audit', closed)[Symbol.asyncIterator]()
  let from = after
  // What is filtered may stay silent for long: that somebody listens is said at once.
  yield { event: 'beat', data: '' }
  while (!closed.aborted) {
    const { html, through } = await readNews(deps, viewer, filter, from)
    if (html !== '') yield { event: 'state', data: html, id: String(through) }
    const hasMore = through > from
    from = through
    await new Promise((resolve) => setTimeout(resolve, leastBetweenMs))
    if (!hasMore && (await changes.next()).done) return
  }
}

/** Everything that fits, newest first, a few hundred at a time: as fast as it is taken, and in constant memory. */
async function* exported(
  { db }: Pick<AppDeps, 'db'>,
  filter: AuditFilter,
  { format, isMarked }: { readonly format: AuditExportFormat; readonly isMarked: boolean },
): AsyncGenerator<Buffer> {
  yield Buffer.from(exportHead(format, isMarked))
  let before: number | undefined
  for (;;) {
    const { entries, next } = await readAuditPage(db, filter, { before }, exportStep)
    const whole = new Map(
      (
        await readEntries(
          db,
          entries.map(({ seq }) => seq),
        )
      ).map((entry) => [entry.seq, entry]),
    )
    const lines = entries.flatMap(({ seq }) => whole.get(seq) ?? []).map((entry) => exportLine(format, entry))
    yield Buffer.from(lines.join(''))
    if (next === null) return
    before = next
  }
}
