import type { Kysely } from 'kysely'
import { z } from 'zod'
import type { AuditRow } from '../domain/audit/audit-view.ts'
import { mayPerform } from '../domain/auth/operations.ts'
import type { Viewer } from '../domain/datasets/access.ts'
import { parsedJson } from '../domain/json.ts'
import type { AuditLine } from './audit-reading.ts'
import type { Database } from './schema.ts'
import { visibleTo } from './visibility.ts'

/**
 * Adds names and pages to entries, by a fixed number of look-ups: what was deleted keeps its id alone. So does what is
 * not the viewer's to see: who was refused something would otherwise learn from their own entry that it is there.
 */
export async function nameEntries(
  db: Kysely<Database>,
  viewer: Viewer,
  lines: readonly AuditLine[],
): Promise<AuditRow[]> {
  const readsLog = mayPerform(viewer.role, 'audit.read')
  const ids = (type: string) => [
    ...new Set(lines.filter(({ objectType }) => objectType === type).map(({ objectId }) => objectId)),
  ]
  const everybody = [...new Set([...lines.map(({ actorId }) => actorId), ...ids('user')])]
  const people = readsLog ? everybody : everybody.filter((id) => id === viewer.id)
  const [users, datasets, files, runs, exports] = await Promise.all([
    namesOf(people, (some) =>
      db.selectFrom('users').select(['id', 'name']).where('id', 'in', some).execute(),
    ),
    namesOf(ids('dataset'), (some) =>
      db
        .selectFrom('datasets')
        .select(['id', 'name'])
        .where('id', 'in', some)
        .where(visibleTo(viewer, 'datasets.ownerId'))
        .execute(),
    ),
    namesOf(ids('file'), (some) =>
      db
        .selectFrom('datasetFiles')
        .innerJoin('datasets', 'datasets.id', 'datasetFiles.datasetId')
        .select(['datasetFiles.id', 'datasetFiles.path as name', 'datasetFiles.datasetId as of'])
        .where('datasetFiles.id', 'in', some)
        .where(visibleTo(viewer, 'datasets.ownerId'))
        .execute(),
    ),
    namesOf(ids('run'), (some) =>
      db
        .selectFrom('runs')
        .select(['id', 'id as name'])
        .where('id', 'in', some)
        .where(visibleTo(viewer, 'runs.ownerId'))
        .execute(),
    ),
    namesOf(ids('export'), (some) =>
      db
        .selectFrom('runExports')
        .innerJoin('runs', 'runs.id', 'runExports.runId')
        .select(['runExports.id', 'runExports.path as name', 'runExports.runId as of'])
        .where('runExports.id', 'in', some)
        .where(visibleTo(viewer, 'runs.ownerId'))
        .execute(),
    ),
  ])
  const objectOf = ({ objectType: type, objectId: id }: AuditLine): AuditRow['object'] => {
    const at = (found: Found | undefined, href: string | null, name = found?.name ?? null) => ({
      type,
      id,
      name,
      href: found === undefined ? null : href,
    })
    switch (type) {
      case 'user':
        return at(users.get(id), readsLog ? `/admin/audit?actor=${encodeURIComponent(id)}` : null)
      case 'dataset':
        return at(datasets.get(id), `/datasets/${id}`)
      case 'file':
        return at(files.get(id), `/datasets/${files.get(id)?.of}`)
      case 'run':
        return at(runs.get(id), `/runs/${id}`, null)
      case 'export':
        return at(exports.get(id), `/runs/${exports.get(id)?.of}`)
      default:
        return at(undefined, null)
    }
  }
  return lines.map((line) => ({
    seq: line.seq,
    at: line.at,
    actor: { id: line.actorId, kind: line.actorKind, name: users.get(line.actorId)?.name ?? null },
    action: line.action,
    object: objectOf(line),
    outcome: line.outcome,
    requestId: line.requestId,
    address: addressIn(line.details),
  }))
}

/** Whom a filter means: an id, an e-mail address, or a name that only one person has; else the text itself. */
export async function findActor(db: Kysely<Database>, text: string): Promise<string> {
  const found = await db
    .selectFrom('users')
    .select(['id', 'email'])
    .where((eb) =>
      eb.or([
        eb('id', '=', text),
        eb(eb.fn('lower', ['email']), '=', text.toLowerCase()),
        eb(eb.fn('lower', ['name']), '=', text.toLowerCase()),
      ]),
    )
    .limit(2)
    .execute()
  const exact = found.find(({ id, email }) => id === text || email.toLowerCase() === text.toLowerCase())
  return exact?.id ?? (found.length === 1 ? (found[0]?.id ?? text) : text)
}

/** Details are free pairs; those of people and pages are read with care. */
export function readDetails(
  details: string | null,
): Readonly<Record<string, string | number | boolean | null>> {
  if (details === null) return {}
  const parsed = Details.safeParse(parsedJson(details))
  return parsed.success ? parsed.data : {}
}

const Details = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))

function addressIn(details: string | null): string | null {
  const { address } = readDetails(details)
  return typeof address === 'string' ? address : null
}

interface Found {
  readonly id: string
  readonly name: string
  /** The dataset or run it belongs to. */
  readonly of?: string
}

async function namesOf(
  ids: readonly string[],
  read: (ids: readonly string[]) => Promise<readonly Found[]>,
): Promise<ReadonlyMap<string, Found>> {
  return new Map(ids.length === 0 ? [] : (await read(ids)).map((row) => [row.id, row]))
}
