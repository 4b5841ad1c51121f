import pg from 'pg'

/** Datasets, and people, of whom everything is looked for. */
const datasets = 20
const people = 200

/**
 * Datasets with more files, runs, exports and deletions than a page looks for, people with as many API keys, and other
 * people's runs around them. Ids are those the entries of the log are about, so that every one of them leads to some.
 * @param url of a role that may write these tables
 */
export async function seedAbout(url) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  // A dataset is ds_0 to ds_19; what belongs to it are ids of the log further on.
  await client.query(`
    insert into users (id, email, name, password_hash, role, created_at)
      select 'usr_' || n, n || '@example.org', 'Person ' || n, '!', 'user', now() from generate_series(0, ${people - 1}) n;
    insert into datasets (id, name, owner_id, status, created_at, updated_at)
      select 'ds_' || n, 'Dataset ' || n, 'usr_' || n, 'ready', now(), now() from generate_series(0, ${datasets - 1}) n;
    insert into dataset_files (id, dataset_id, path, position, bytes, sha256, object_id, detection, created_at)
      select 'ds_' || 1000 + n, 'ds_' || n % ${datasets}, 'talks', n / ${datasets}, 1, '', 'file_' || n, '{}', now()
      from generate_series(0, ${datasets * 150 - 1}) n;
    insert into runs (id, owner_id, status, configuration, key_owner, source_bytes, created_at)
      select 'ds_' || 5000 + n, 'usr_' || n % ${people}, 'completed', '{}', 'ds_' || n % ${datasets}, 1, now() - n * interval '1 minute'
      from generate_series(0, ${datasets * 500 - 1}) n;
    insert into run_inputs (run_id, dataset_id, position)
      select 'ds_' || 5000 + n, 'ds_' || n % ${datasets}, 0 from generate_series(0, ${datasets * 500 - 1}) n;
    insert into run_exports (id, run_id, position, target, format, path)
      select 'ds_' || 15000 + n, 'ds_' || 5000 + n % ${datasets * 500}, n / ${datasets * 500}, 'chatml', 'jsonl', 'chatml.jsonl'
      from generate_series(0, ${datasets * 1_000 - 1}) n;
    insert into deletions (id, kind, reason, status, actor_id, actor_kind, request_id, requested_at, subject_hmac)
      select 'ds_' || 36000 + n, 'subject', 'request', 'done', 'usr_0', 'user', 'req_' || n, now(), 'x'
      from generate_series(0, 99) n;
    insert into deletion_datasets (deletion_id, dataset_id, owner_id, name_hash, files, bytes)
      select 'ds_' || 36000 + d, 'ds_' || n, 'usr_' || n, 'x', 1, 1
      from generate_series(0, 99) d, generate_series(0, ${datasets - 1}) n;
    insert into deletion_keys (deletion_id, key_owner, dataset_id, kind)
      select 'ds_' || 36000 + n % 100, 'ds_' || 37000 + n, 'ds_' || n % ${datasets}, 'run'
      from generate_series(0, ${datasets * 300 - 1}) n;
    insert into api_keys (id, owner_id, name, key_hash, prefix, scopes, created_at, expires_at)
      select 'ds_' || 26000 + n, 'usr_' || n % ${people}, 'key', 'hash ' || n, 'x', '{data:read}', now(), now() + interval '1 day'
      from generate_series(0, ${people * 120 - 1}) n;
    analyze users, datasets, dataset_files, runs, run_inputs, run_exports, deletions, deletion_datasets, deletion_keys, api_keys;
  `)
  await client.end()
}

const any = (count) => Math.floor(Math.random() * count)

/** One of them. */
export const someDataset = () => `ds_${any(datasets)}`
export const somePerson = () => `usr_${any(people)}`
