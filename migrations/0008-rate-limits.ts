import { type Kysely, sql } from 'kysely'

/**
 * Counters of requests, and what administrators set instead of the defaults of src/domain/limits/limits.ts. Counters
 * are unlogged: a commit of theirs waits for no disk and leaves no client address in the WAL; a crash of the server
 * empties them. `keep_until` is by the hour, so that counting updates no index. Counting is a function, because planning
 * its statement anew for every request costs three times what it does.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(`
create unlogged table rate_limit_counts (
  subject text not null,
  counter text not null,
  slot bigint not null,
  counts integer[] not null,
  granted boolean not null,
  told_minute bigint not null default 0,
  keep_until timestamptz not null,
  primary key (subject, counter)
) with (fillfactor = 50);
create index rate_limit_counts_keep on rate_limit_counts (keep_until);

create table rate_limits (
  target text not null,
  role text not null,
  amount integer not null check (amount > 0),
  set_by text not null,
  set_at timestamptz not null,
  primary key (target, role)
);

${countRequest}
do $$ begin
  grant select, insert, update, delete on rate_limit_counts, rate_limits to signalbox_app;
exception when insufficient_privilege or undefined_object then null; end $$;
`)
    .execute(db)
}

/** Also for databases that had this migration before it had the function (0023). */
export const countRequest = `
create or replace function count_request(
  asking text, operation text, limit_name text, asking_role text, usual integer, now_slot bigint, slots integer, keep timestamptz
) returns table (counter text, slot bigint, counts integer[], granted boolean, told_minute bigint, amount integer)
language plpgsql as $$
#variable_conflict use_column
begin
  return query
  with rule as (
    select known.target, known.amount from (
      select target, amount, (target <> limit_name)::integer * 2 + (role <> 'everyone')::integer as precedence
      from rate_limits where target in (operation, limit_name) and role in (asking_role, 'everyone')
      union all select limit_name, usual, -1
    ) known order by precedence desc limit 1
  )
  insert into rate_limit_counts as held (subject, counter, slot, counts, granted, keep_until)
  select asking, rule.target, now_slot, array_fill(0, array[slots]) || 1, true, keep from rule
  on conflict (subject, counter) do update set (slot, counts, granted, keep_until) = (
    select
      -- A counter from a far future was made by a clock that was wrong: it begins anew.
      case when held.slot - now_slot > slots then now_slot else greatest(held.slot, now_slot) end,
      case when used.sum < rule.amount then moved.counts[:slots] || moved.counts[slots + 1] + 1 else moved.counts end,
      used.sum < rule.amount,
      keep
    from rule,
      lateral (select least(greatest(now_slot - held.slot, 0), slots + 1)::integer as by) shift,
      lateral (select case when held.slot - now_slot > slots then array_fill(0, array[slots + 1])
        else (held.counts || array_fill(0, array[shift.by]))[shift.by + 1 :] end as counts) moved,
      lateral (select coalesce(sum(one), 0) as sum from unnest(moved.counts) one) used
  )
  returning held.counter, held.slot, held.counts, held.granted, held.told_minute, (select rule.amount from rule);
end $$;
`
