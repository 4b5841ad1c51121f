import { type Kysely, sql } from 'kysely'

/**
 * The audit log (decision 006, format in docs/audit-format.md): rows in a dense order, their Merkle tree, and the
 * functions that alone may write them. They belong to `signalbox_audit`; the application may call and read.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(`
-- Details are bound as the very text they are: jsonb would not keep it. Rows that wait get a new commitment with the
-- log, made by the function; so nobody else needs to hand one in.
alter table audit.outbox
  alter column details type text using details::text,
  drop column commitment,
  -- A row the log could not index would stop all that follow it.
  add constraint outbox_lengths check (
    octet_length(actor_id) <= 1000 and octet_length(action) <= 200 and octet_length(object_type) <= 200
    and octet_length(object_id) <= 1000 and octet_length(request_id) <= 1000
    and octet_length(salt) between 16 and 64);

create table audit.log (
  seq bigint primary key,
  at timestamptz not null,
  actor_id text not null,
  actor_kind text not null,
  action text not null,
  object_type text not null,
  object_id text not null,
  outcome text not null,
  request_id text not null,
  commitment bytea not null,
  leaf bytea not null,
  chain bytea not null,
  salt bytea,
  details text,
  check ((salt is null) = (details is null))
);
-- Pages are ordered by (at, seq): a slow transaction's entry comes late, and is shown where it happened.
create index log_actor on audit.log (actor_id, at, seq);
create index log_action on audit.log (action, at, seq);
create index log_object on audit.log (object_id, at, seq);
create index log_object_type on audit.log (object_type, at, seq);
create index log_outcome on audit.log (outcome, at, seq);
create index log_at on audit.log (at, seq);
create index log_request on audit.log (request_id, at, seq);

-- Complete subtrees of 2^8, 2^16, … leaves: a proof reads at most 255 hashes below each.
create table audit.node (
  level smallint not null,
  index bigint not null,
  hash bytea not null,
  primary key (level, index)
);

create table audit.state (
  is_only boolean primary key default true check (is_only),
  size bigint not null,
  chain bytea not null,
  -- frontier[k + 1]: the complete subtree of 2^k leaves at the right edge, null where there is none.
  frontier bytea[] not null,
  -- Raised with every new leader: what an earlier one still asks is refused.
  epoch bigint not null,
  pruned_through bigint not null,
  checkpoint text,
  checkpoint_size bigint,
  checkpoint_at timestamptz
);
insert into audit.state (size, chain, frontier, epoch, pruned_through)
  values (0, decode(repeat('00', 32), 'hex'), '{}', 0, 0);

create table audit.verification (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  outcome text not null check (outcome in ('whole', 'tampered', 'incomplete')),
  rows bigint not null,
  seconds real not null,
  finding text,
  seq bigint
);

-- The caller becomes the leader, for as long as its session lives; null when another one leads.
create function audit.lead() returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  mine bigint;
begin
  -- "SBau"
  if not pg_try_advisory_lock(1396859253, 0) then
    return null;
  end if;
  update audit.state set epoch = epoch + 1 returning epoch into strict mine;
  return mine;
end $$;

create function audit.root(p_size bigint, p_frontier bytea[]) returns bytea
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  root bytea;
begin
  for level in 0..52 loop
    if (p_size >> level) & 1 = 1 then
      root := case when root is null then p_frontier[level + 1]
        else sha256(decode('01', 'hex') || p_frontier[level + 1] || root) end;
    end if;
  end loop;
  return coalesce(root, sha256(''));
end $$;

-- Takes the next committed rows of the outbox into the log, all or none. Nobody hands a hash in.
create function audit.append(p_epoch bigint, p_limit integer)
returns table (taken integer, size bigint, root bytea, leaves bytea[])
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  tree audit.state%rowtype;
  entry record;
  entry_commitment bytea;
  node bytea;
  level integer;
  index bigint;
  added bytea[] := '{}';
begin
  if p_limit not between 1 and 10000 then
    raise exception 'a batch has 1 to 10000 rows' using errcode = 'invalid_parameter_value';
  end if;
  select * into strict tree from audit.state for update;
  if tree.epoch <> p_epoch then
    raise exception 'another sequencer leads the audit log' using errcode = 'SA001';
  end if;
  for entry in
    with next as (
      select id from audit.outbox order by id limit p_limit for update skip locked
    ), gone as (
      delete from audit.outbox where id in (select id from next) returning *
    )
    select * from gone order by id
  loop
    entry_commitment := sha256(entry.salt || convert_to(entry.details, 'UTF8'));
    -- RFC 8785: keys in order, strings as Postgres escapes them (test/db/audit-sequencer.db.test.ts compares).
    node := sha256(decode('00', 'hex') || convert_to(
      '{"action":' || to_json(entry.action)::text
      || ',"actorId":' || to_json(entry.actor_id)::text
      || ',"actorKind":' || to_json(entry.actor_kind)::text
      || ',"at":"' || to_char(entry.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
      || '","commitment":"' || encode(entry_commitment, 'hex')
      || '","objectId":' || to_json(entry.object_id)::text
      || ',"objectType":' || to_json(entry.object_type)::text
      || ',"outcome":' || to_json(entry.outcome)::text
      || ',"requestId":' || to_json(entry.request_id)::text
      || ',"seq":' || (tree.size + 1)::text
      || ',"v":1}', 'UTF8'));
    tree.chain := sha256(tree.chain || node);
    insert into audit.log (seq, at, actor_id, actor_kind, action, object_type, object_id, outcome, request_id,
        commitment, leaf, chain, salt, details)
      values (tree.size + 1, entry.at, entry.actor_id, entry.actor_kind, entry.action, entry.object_type,
        entry.object_id, entry.outcome, entry.request_id, entry_commitment, node, tree.chain, entry.salt, entry.details);
    added := added || node;
    index := tree.size;
    level := 0;
    while index & 1 = 1 loop
      node := sha256(decode('01', 'hex') || tree.frontier[level + 1] || node);
      tree.frontier[level + 1] := null;
      index := index >> 1;
      level := level + 1;
      if level % 8 = 0 then
        insert into audit.node values (level, index, node);
      end if;
    end loop;
    tree.frontier[level + 1] := node;
    tree.size := tree.size + 1;
  end loop;
  if cardinality(added) > 0 then
    update audit.state set size = tree.size, chain = tree.chain, frontier = tree.frontier;
    -- One a batch: one a row would cost two thirds of the throughput.
    perform pg_notify('audit', tree.size::text);
  end if;
  return query select cardinality(added), tree.size, audit.root(tree.size, tree.frontier), added;
end $$;

-- The last checkpoint, for pages; the file beside the database is what counts.
create function audit.note_checkpoint(p_epoch bigint, p_size bigint, p_at timestamptz, p_note text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update audit.state set checkpoint = p_note, checkpoint_size = p_size, checkpoint_at = p_at
    where epoch = p_epoch and size >= p_size;
  if not found then
    raise exception 'another sequencer leads the audit log' using errcode = 'SA001';
  end if;
end $$;

-- Deletes details and salt of entries older than a moment at least 30 days ago: their commitment stays. Answers how many
-- rows it looked at; 0 when there is nothing left to do.
create function audit.prune_details(p_before timestamptz, p_limit integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  from_seq bigint;
  to_seq bigint;
begin
  if p_before is null or p_before > now() - interval '30 days' then
    raise exception 'details are kept for at least 30 days' using errcode = 'invalid_parameter_value';
  end if;
  if p_limit not between 1 and 100000 then
    raise exception 'a batch has 1 to 100000 rows' using errcode = 'invalid_parameter_value';
  end if;
  select pruned_through into strict from_seq from audit.state for update;
  -- In order of seq up to the first that is too young.
  select max(old.seq) into to_seq from (
    select seq, bool_and(at < p_before) over (order by seq) as is_old
    from (select seq, at from audit.log where seq > from_seq order by seq limit p_limit) next
  ) old where old.is_old;
  if to_seq is null then
    return 0;
  end if;
  update audit.log set salt = null, details = null where seq > from_seq and seq <= to_seq and details is not null;
  update audit.state set pruned_through = to_seq;
  return to_seq - from_seq;
end $$;

do $$ begin
  alter table audit.log owner to signalbox_audit;
  alter table audit.node owner to signalbox_audit;
  alter table audit.state owner to signalbox_audit;
  alter table audit.verification owner to signalbox_audit;
  alter function audit.lead() owner to signalbox_audit;
  alter function audit.root(bigint, bytea[]) owner to signalbox_audit;
  alter function audit.append(bigint, integer) owner to signalbox_audit;
  alter function audit.note_checkpoint(bigint, bigint, timestamptz, text) owner to signalbox_audit;
  alter function audit.prune_details(timestamptz, integer) owner to signalbox_audit;
exception when insufficient_privilege or undefined_object then
  raise notice 'The audit log belongs to the application role. Set DATABASE_ADMIN_URL to a role that may create roles.';
end $$;
revoke all on all functions in schema audit from public;
do $$ begin
  -- Not id and at: order and time are the database's to say.
  revoke insert on audit.outbox from signalbox_app;
  grant insert (actor_id, actor_kind, action, object_type, object_id, outcome, request_id, salt, details)
    on audit.outbox to signalbox_app;
  grant select on audit.log, audit.node, audit.state, audit.verification to signalbox_app;
  -- How many wait and since when, not what.
  grant select (id, at) on audit.outbox to signalbox_app;
  grant insert (outcome, rows, seconds, finding, seq) on audit.verification to signalbox_app;
  grant execute on all functions in schema audit to signalbox_app;
exception when insufficient_privilege or undefined_object then null;
end $$;
`)
    .execute(db)
}
