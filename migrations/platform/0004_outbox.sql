-- An event is a row here, committed with the change that it tells. The relay publishes it and stamps its position.
--
-- id        UUIDv7 of the platform's clock; partitions are days of it, so that old events are dropped and not deleted
-- seq       order of insertion: two events of one aggregate were inserted under its row lock, so theirs is true
-- shard     hash of tenant and aggregate; one relay at a time owns a shard
-- position  null until published, then gap-free within the shard: what in-process consumers read by
-- data      the aggregate after the change, as text: consumers get the very bytes
create sequence outbox_seq;
create table outbox (
    tenant_id uuid not null,
    id uuid not null,
    seq bigint not null default nextval('outbox_seq'),
    shard smallint not null,
    position bigint,
    kind text not null,
    aggregate text not null,
    version bigint not null,
    schema_version smallint not null,
    actor text not null,
    occurred_at timestamptz not null,
    trace text,
    causation uuid,
    data text not null,
    constraint outbox_pkey primary key (tenant_id, id)
) partition by range (id);
create index outbox_pending on outbox (seq) where position is null;
create index outbox_log on outbox (shard, position) where position is not null;
comment on table outbox is
    'retention: 3 days after publication, partitions of a day are dropped; personal: none';
select tenant_table('outbox', 'insert', 'select, update');

-- Where an id falls outside the prepared days (a clock far off, upkeep late): a safety net, empty as a rule.
create table outbox_default partition of outbox default;
comment on table outbox_default is 'retention: as outbox; personal: none';
select tenant_rows('outbox_default');

do $$ begin
    execute format('grant usage on sequence outbox_seq to %I, %I',
        current_setting('bloom.service_role'), current_setting('bloom.system_role'));
end $$;

-- Who relays a shard, and how far it is stamped. Each new owner raises the epoch; a stamp names the epoch it was
-- granted, so an owner that slept through its lease can stamp nothing.
create table relay_lease (
    shard smallint not null,
    owner text not null,
    epoch bigint not null,
    position bigint not null,
    expires_at timestamptz not null,
    constraint relay_lease_pkey primary key (shard)
) with (fillfactor = 20);
comment on table relay_lease is 'retention: for ever, one row a shard; personal: none';
insert into relay_lease (shard, owner, epoch, position, expires_at)
select shard, '', 0, 0, '-infinity' from generate_series(0, 15) shard;

do $$ begin
    execute format('grant select, update on relay_lease to %I', current_setting('bloom.system_role'));
end $$;
