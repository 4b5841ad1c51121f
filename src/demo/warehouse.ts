import pg from 'pg'

/** One run of an algorithm over a file. */
export interface AlgorithmRun {
  readonly fileName: string
  readonly algorithm: string
  readonly status: 'OK' | 'FAILED'
  readonly detail: string
}

export interface StoredResult {
  readonly fileName: string
  readonly algorithm: string
  readonly tailNumber: string
  readonly value: number
  readonly unit: string
}

const tables = `
  create table if not exists demo.algorithm_run (
    file_name text not null,
    algorithm text not null,
    status text not null check (status in ('OK', 'FAILED')),
    finished_at timestamptz not null default now(),
    detail text not null,
    primary key (file_name, algorithm)
  );
  create index if not exists algorithm_run_finished on demo.algorithm_run (finished_at);
  create table if not exists demo.result (
    file_name text not null,
    algorithm text not null,
    tail_number text not null,
    value double precision not null,
    unit text not null,
    created_at timestamptz not null default now(),
    primary key (file_name, algorithm)
  );
  create index if not exists result_created on demo.result (created_at);`

/**
 * Makes the schema `demo` and its tables, which the portal's own role may read and nobody else may touch.
 * @param adminUrl of a role that may make schemas; the application's may not
 * @param password of the role `signalbox_demo`, which owns the schema and nothing else; without one no role is made, and the
 *   administrating one owns it: a server of one's own may not let us make roles
 * @returns the address that the simulator signs in with
 */
export async function prepareWarehouse(adminUrl: string, password?: string): Promise<string> {
  return asAdmin(adminUrl, async (client) => {
    const url = new URL(adminUrl)
    if (password !== undefined) {
      await client.query(`do $$ begin
        create role signalbox_demo login;
      exception when duplicate_object or unique_violation then null; end $$`)
      await client.query(`alter role signalbox_demo password ${client.escapeLiteral(password)}`)
      const { rows } = await client.query<{ database: string }>('select current_database() as database')
      await client.query(
        `grant connect on database ${client.escapeIdentifier(rows[0]?.database ?? '')} to signalbox_demo`,
      )
      url.username = 'signalbox_demo'
      url.password = password
    }
    await client.query('create schema if not exists demo')
    await client.query(tables)
    if (password !== undefined) {
      await client.query(`alter schema demo owner to signalbox_demo;
        alter table demo.algorithm_run owner to signalbox_demo;
        alter table demo.result owner to signalbox_demo`)
    }
    await client.query(`do $$ begin
      if exists (select from pg_roles where rolname = 'signalbox_app') then
        grant usage on schema demo to signalbox_app;
        grant select on all tables in schema demo to signalbox_app;
      end if; end $$`)
    return url.href
  })
}

/** Removes all that `prepareWarehouse` made. */
export const removeWarehouse = (adminUrl: string): Promise<void> =>
  asAdmin(adminUrl, async (client) => {
    await client.query('drop schema if exists demo cascade')
    // Another database of the same server may have a demo too: then the role stays.
    await client.query(`do $$ begin
      if exists (select from pg_roles where rolname = 'signalbox_demo') then
        drop owned by signalbox_demo;
        drop role signalbox_demo;
      end if;
    exception when dependent_objects_still_exist then null; end $$`)
  })

async function asAdmin<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 8_000 })
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** The tables that results end in. */
export class Warehouse {
  readonly #pool: pg.Pool

  constructor(url: string) {
    this.#pool = new pg.Pool({ connectionString: url, max: 2, connectionTimeoutMillis: 5_000 })
    // A database that goes away is told by the step that needs it.
    this.#pool.on('error', () => {})
  }

  /** A second run of the same file takes the place of the first. */
  async recordRuns(runs: readonly AlgorithmRun[]): Promise<void> {
    await this.#pool.query(
      `insert into demo.algorithm_run (file_name, algorithm, status, detail)
       select * from unnest($1::text[], $2::text[], $3::text[], $4::text[])
       on conflict (file_name, algorithm)
       do update set status = excluded.status, detail = excluded.detail, finished_at = now()`,
      [
        runs.map((run) => run.fileName),
        runs.map((run) => run.algorithm),
        runs.map((run) => run.status),
        runs.map((run) => run.detail),
      ],
    )
  }

  async storeResults(results: readonly StoredResult[]): Promise<void> {
    await this.#pool.query(
      `insert into demo.result (file_name, algorithm, tail_number, value, unit)
       select * from unnest($1::text[], $2::text[], $3::text[], $4::double precision[], $5::text[])
       on conflict (file_name, algorithm) do nothing`,
      [
        results.map((result) => result.fileName),
        results.map((result) => result.algorithm),
        results.map((result) => result.tailNumber),
        results.map((result) => result.value),
        results.map((result) => result.unit),
      ],
    )
  }

  /** Files all of whose algorithms ended well or gave a reason of their own. */
  async filesDone(lost: string): Promise<string[]> {
    const { rows } = await this.#pool.query<{ fileName: string }>(
      `select file_name as "fileName" from demo.algorithm_run group by file_name having bool_and(detail <> $1)`,
      [lost],
    )
    return rows.map((row) => row.fileName)
  }

  /** Names sort as times do. */
  async forgetBefore(fileName: string): Promise<void> {
    await this.#pool.query('delete from demo.algorithm_run where file_name < $1', [fileName])
    await this.#pool.query('delete from demo.result where file_name < $1', [fileName])
  }

  close(): Promise<void> {
    return this.#pool.end()
  }
}
