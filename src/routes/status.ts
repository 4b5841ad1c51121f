import { createHash } from 'node:crypto'
import { Hono } from 'hono'
import type { MachineView } from '../domain/auth/machine-access.ts'
import type { FlowPicture, RefusedFile, SchedulerState } from '../domain/flows/monitor/flow-monitor.ts'
import { passesStrictly, statusHead, statusOfFlow } from '../domain/flows/monitor/status.ts'
import type { AppDeps, AppEnv } from './app-context.ts'
import { answerPreflight, machineAccess } from './machine-access.ts'
import { answerBadQuery, machineQuery } from './machine-query.ts'

/** `GET /status`: all flows, or one, as JSON. It runs no check: it tells what is known. */
export const statusRoutes = (deps: Pick<AppDeps, 'flows' | 'clock' | 'config'>) => {
  const { flows, clock } = deps
  const texts = new StatusTexts()
  const count = new ChangeCount()
  return new Hono<AppEnv>()
    .use(machineAccess(deps))
    .options('/', answerPreflight)
    .get('/', (c) => {
      const query = machineQuery(c.req.url, flows, ['flow', 'strict'])
      if (!query.ok) return answerBadQuery(c, query)
      const { flow, isStrict } = query.value
      const view = c.var.machineView
      const asked = flow === undefined ? flows.list() : [flow]
      const pictures = asked.flatMap(({ id }) => flows.picture(id) ?? [])
      // A file that was never right is of no flow, or of one that nobody knows.
      const refused = flow === undefined ? flows.refusedFiles() : []
      const scheduler = flows.scheduler()
      const shown = fingerprint(pictures, refused, scheduler)
      // Weak: what changes with time alone (ages, the moment itself) is not in it.
      const tag = `W/"${createHash('sha256').update(`${flows.bootId} ${view} ${shown}`).digest('base64url')}"`
      const status = isStrict && !passesStrictly(pictures, scheduler, refused) ? 503 : 200
      c.header('ETag', tag)
      c.header('Cache-Control', 'private, no-cache')
      c.header('Vary', 'Authorization, Cookie', { append: true })
      // Only an answer of 200 is ever kept, so only that one can be confirmed.
      if (status === 200 && matches(c.req.header('If-None-Match'), tag)) return c.body(null, 304)
      const head = statusHead(
        {
          seq: flow === undefined ? count.of(shown, pictures) : (pictures[0]?.seq ?? 0),
          bootId: flows.bootId,
          scheduler,
          refused,
          pictures,
        },
        view,
        clock().getTime(),
      )
      const body = `${JSON.stringify(head).slice(0, -1)},"flows":[${pictures.map((picture) => texts.of(picture, view)).join(',')}]}`
      return c.body(body, status, { 'Content-Type': 'application/json' })
    })
}

/** What anybody could see change: of each flow its text and its number, and whether the checks are run. */
const fingerprint = (
  pictures: readonly FlowPicture[],
  refused: readonly RefusedFile[],
  { isStalled, overdue }: SchedulerState,
): string =>
  JSON.stringify([
    pictures.map(({ watched, seq }) => [watched.id, watched.hash, watched.loadedAt, seq]),
    refused.map(({ file, at }) => [file, at]),
    isStalled,
    overdue,
  ])

/** RFC 9110 section 13.1.2: any of a list, or `*`, compared weakly. */
const matches = (given: string | undefined, tag: string): boolean =>
  (given ?? '').split(',').some((each) => ['*', tag, tag.slice(2)].includes(each.trim()))

/** The JSON of flows, written once a picture however many ask. */
class StatusTexts {
  readonly #written = {
    full: new WeakMap<FlowPicture, string>(),
    outline: new WeakMap<FlowPicture, string>(),
  }

  of(picture: FlowPicture, view: MachineView): string {
    const known = this.#written[view].get(picture)
    if (known !== undefined) return known
    const text = JSON.stringify(statusOfFlow(picture, view))
    this.#written[view].set(picture, text)
    return text
  }
}

/** A number for all flows together: it rises with each of theirs, and when flows come and go. */
class ChangeCount {
  #last: string | undefined
  #count = 0

  of(shown: string, pictures: readonly FlowPicture[]): number {
    const sum = pictures.reduce((total, { seq }) => total + seq, 0)
    // The sum alone would fall when a flow goes.
    this.#count = Math.max(sum, shown === this.#last ? this.#count : this.#count + 1)
    this.#last = shown
    return this.#count
  }
}
