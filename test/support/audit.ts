import pg from 'pg'

export interface RecordedEntry {
  readonly actorId: string
  readonly action: string
  readonly objectType: string
  readonly objectId: string
  readonly outcome: string
  readonly requestId: string
}

/** What was recorded so far, in order, sequenced or waiting; read as the admin, because the application may not. */
export const auditEntries = (adminUrl: string): Promise<RecordedEntry[]> =>
  asAdmin<RecordedEntry>(
    adminUrl,
    `select actor_id as "actorId", action, object_type as "objectType", object_id as "objectId", outcome,
       request_id as "requestId"
     from (select 0 as part, seq as place, * from audit.log union all
       select 1, id, null, at, actor_id, actor_kind, action, object_type, object_id, outcome, request_id,
         null, null, null, salt, details from audit.outbox) both_parts
     order by part, place`,
  )

/** The same without what was refused. */
export const allowedEntries = async (adminUrl: string): Promise<RecordedEntry[]> =>
  (await auditEntries(adminUrl)).filter(({ outcome }) => outcome !== 'denied')

/** One statement as the role that owns the tables. */
export async function asAdmin<Row extends pg.QueryResultRow>(
  adminUrl: string,
  statement: string,
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: adminUrl })
  await client.connect()
  try {
    return (await client.query<Row>(statement)).rows
  } finally {
    await client.end()
  }
}
