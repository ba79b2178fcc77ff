-- Upkeep of the partitions of outbox and inbox. The roles that serve requests own nothing and may drop nothing;
-- what they may do is call event_partitions(), which runs as the owner.

-- The smallest UUIDv7 of a moment.
create function event_id_floor(at timestamptz) returns uuid
language sql immutable strict parallel safe as $$
    select (lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- Prepares one day of a table and brings home what the safety net caught meanwhile.
create function event_partition_add(parent text, id_column text, day date) returns void
language plpgsql as $$
declare
    part constant text := parent || '_' || to_char(day, 'YYYYMMDD');
    low constant uuid := event_id_floor(day::timestamp at time zone 'UTC');
    high constant uuid := event_id_floor((day + 1)::timestamp at time zone 'UTC');
begin
    if to_regclass(format('%I', part)) is not null then
        return;
    end if;
    -- A writer that has already chosen the safety net would be refused by its new bounds: none may be on the way.
    execute format('lock table only %I in access exclusive mode', parent);
    execute format('create table %I (like %I including all)', part, parent);
    execute format(
        'with moved as (delete from %1$I where %2$I >= %3$L and %2$I < %4$L returning *) insert into %5$I select * from moved',
        parent || '_default', id_column, low, high, part);
    execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, part, low, high);
    execute format('comment on table %I is %L', part, format('retention: as %s; personal: none', parent));
    perform tenant_rows(part);
end
$$;

-- May this day of the outbox go? Not while an event is unpublished or an in-process consumer has yet to read it.
-- floors: per shard (0 to 15) the position that every such consumer has passed; null where there are none.
create function outbox_day_done(day date, floors bigint[]) returns boolean
language sql stable as $$
    select not exists (
        select from outbox
        where id >= event_id_floor(day::timestamp at time zone 'UTC')
          and id < event_id_floor((day + 1)::timestamp at time zone 'UTC')
          and (position is null or position > floors[shard + 1])
    )
$$;

-- Prepares today and two days ahead, drops what is past its retention; returns the names of what it dropped.
-- Each takes a moment's exclusive lock; one that is not to be had at once is left for the next round.
create function event_partitions(at timestamptz, outbox_days integer, inbox_days integer, floors bigint[])
returns text[]
language plpgsql security definer
set search_path from current
set lock_timeout = '300ms'
as $$
declare
    today constant date := (at at time zone 'UTC')::date;
    dropped text[] := '{}';
    part record;
begin
    for ahead in 0..2 loop
        begin
            perform event_partition_add('outbox', 'id', today + ahead);
            perform event_partition_add('inbox', 'event_id', today + ahead);
        exception when lock_not_available then null;
        end;
    end loop;
    for part in
        select c.relname as name, p.relname as parent, to_date(right(c.relname, 8), 'YYYYMMDD') as day
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        join pg_class p on p.oid = i.inhparent
        where i.inhparent in ('outbox'::regclass, 'inbox'::regclass) and c.relname ~ '_[0-9]{8}$'
        order by day
    loop
        continue when part.parent = 'inbox' and today - part.day <= inbox_days;
        continue when part.parent = 'outbox'
            and (today - part.day <= outbox_days or not outbox_day_done(part.day, floors));
        begin
            execute format('drop table %I', part.name);
            dropped := dropped || part.name::text;
        exception when lock_not_available then null;
        end;
    end loop;
    return dropped;
end
$$;

revoke all on function event_partitions(timestamptz, integer, integer, bigint[]) from public;
do $$ begin
    execute format('grant execute on function event_partitions(timestamptz, integer, integer, bigint[]) to %I',
        current_setting('bloom.system_role'));
end $$;
