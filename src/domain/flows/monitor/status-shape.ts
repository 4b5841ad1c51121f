import { z } from 'zod'

// What `/status` answers. This file imports nothing but zod: the client of browsers parses with it.

/** ISO 8601 in UTC, `2026-11-21T14:03:12.000Z`. */
const moment = z.iso.datetime()
const stateName = z.enum(['HEALTHY', 'DEGRADED', 'UNKNOWN', 'FAILED'])

/** Why a process is as it is: one of its checks. */
export const StatusCheck = z.object({
  check: z.string(),
  state: stateName,
  /** `timeout`, `refused`, `late` …; null where it passed. */
  reason: z.string().nullable(),
  /** What was found, in one sentence. Null without evidence, as the four below. */
  message: z.string().nullable(),
  expected: z.string().nullable(),
  observed: z.string().nullable(),
  evidence: z.array(z.object({ label: z.string(), value: z.string() })),
  since: moment.nullable(),
  last_ok_at: moment.nullable(),
  /** When it should run next; null for what is judged from other checks, and before the first run. */
  next_at: moment.nullable(),
  /** How old the last result was at `generated_at`. */
  age_ms: z.number().nullable(),
  /** The worst time from a fault to red. */
  detection_budget_ms: z.number(),
})
export type StatusCheck = z.infer<typeof StatusCheck>

/** What lies over the state and never replaces it. A later version may know more kinds. */
const Overlay = z.object({
  kind: z.string(),
  /** Of `confirming`: so many failures of so many that are needed. */
  count: z.number().optional(),
  of: z.number().optional(),
})

export const StatusProcess = z.object({
  id: z.string(),
  name: z.string(),
  state: stateName,
  role: z.enum(['root', 'consequence', 'at_risk', 'none']),
  /** The nearest causes, each by the shortest path from it to here, both included. */
  caused_by: z.array(
    z.object({
      process: z.string(),
      /** The check that says so; null where the cause has recovered since. */
      check: z.string().nullable(),
      path: z.array(z.string()),
    }),
  ),
  starves_in_s: z.number().nullable(),
  since: moment.nullable(),
  overlays: z.array(Overlay),
  /** The checks that make the state, the worst first; all of its checks when it is HEALTHY. */
  because: z.array(StatusCheck),
})
export type StatusProcess = z.infer<typeof StatusProcess>

/** A file that was not taken over. Without evidence neither its name nor its mistakes are told. */
const RefusedFile = z.object({
  file: z.string().nullable(),
  refused_at: moment,
  /** One line each, `flow.yaml:41:5: error: health_checks[7].max_aeg: …`. */
  mistakes: z.array(z.string()),
})

export const StatusFlow = z.object({
  id: z.string(),
  name: z.string(),
  /** Rises with every change of this flow that can be seen; of this `boot_id`. */
  seq: z.number(),
  config: z.object({
    /** SHA-256 of the text in force. */
    hash: z.string(),
    loaded_at: moment,
    /** The file as it is now, where it was refused and the older text goes on. */
    error: RefusedFile.nullable(),
  }),
  summary: z.object({
    state: stateName,
    /** One sentence for the room. */
    sentence: z.string(),
    /** Ids of the processes that are the cause, the worst and oldest first. */
    roots: z.array(z.string()),
    counts: z.object({
      HEALTHY: z.number(),
      DEGRADED: z.number(),
      UNKNOWN: z.number(),
      FAILED: z.number(),
    }),
  }),
  processes: z.array(StatusProcess),
})
export type StatusFlow = z.infer<typeof StatusFlow>

export const Status = z.object({
  /** The moment that ages are told of, at most a second before the answer. */
  generated_at: moment,
  /** Rises with every change that can be seen; of this `boot_id`. */
  seq: z.number(),
  /** Made anew with every start of the process that answers. */
  boot_id: z.string(),
  scheduler: z.object({
    lag_ms: z.number(),
    overdue: z.number(),
    /** Nothing was heard of the process that runs the checks for too long. */
    stalled: z.boolean(),
    seen_at: moment.nullable(),
  }),
  /** Files that have never been right, so that no flow stands for them. */
  refused_files: z.array(RefusedFile),
  flows: z.array(StatusFlow),
})
export type Status = z.infer<typeof Status>

/** What `/health` answers. */
export const Health = z.object({
  /** Of the portal itself: `degraded` while database or vault are away. */
  status: z.enum(['healthy', 'degraded']),
  flows: z.object({
    /** The worst of all flows; null when there is none. */
    state: stateName.nullable(),
    watched: z.number(),
    /** Files that were not taken over. */
    refused: z.number(),
    /** Nothing is heard of the process that runs the checks. */
    stalled: z.boolean(),
  }),
})
export type Health = z.infer<typeof Health>

/** What `/ready` answers, with 200 when it is `ready`, else with 503. */
export const Readiness = z.object({ status: z.enum(['ready', 'database', 'sealed']) })
export type Readiness = z.infer<typeof Readiness>
