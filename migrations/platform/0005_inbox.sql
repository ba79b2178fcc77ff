-- What makes an event take effect once: its inbox row commits with the effect.

-- A consumer of this service. A new generation loads the sources' current state first (loaded_at), then follows.
create table consumer (
    consumer text not null,
    generation integer not null,
    loaded_at timestamptz,
    loader_until timestamptz not null,
    constraint consumer_pkey primary key (consumer)
);
comment on table consumer is 'retention: for ever, one row a consumer; personal: none';

-- In-process bus: the position up to which a consumer has applied a shard of a source service.
create table consumer_cursor (
    consumer text not null,
    generation integer not null,
    service text not null,
    shard smallint not null,
    position bigint not null,
    constraint consumer_cursor_pkey primary key (consumer, generation, service, shard)
) with (fillfactor = 20);
comment on table consumer_cursor is 'retention: while the generation is the current one; personal: none';

-- Partitioned by day of the event's UUIDv7. Kept longer than any outbox or topic keeps an event.
create table inbox (
    tenant_id uuid not null,
    consumer text not null,
    generation integer not null,
    event_id uuid not null,
    constraint inbox_pkey primary key (tenant_id, consumer, generation, event_id)
) partition by range (event_id);
comment on table inbox is 'retention: 14 days, partitions of a day are dropped; personal: none';
select tenant_table('inbox', 'select, insert', 'select, insert');

create table inbox_default partition of inbox default;
comment on table inbox_default is 'retention: as inbox; personal: none';
select tenant_rows('inbox_default');

-- Events that a consumer could not apply, and all later ones of the same aggregate behind them, in order of seq.
-- envelope is the event as it came; cause and attempts speak of the head of the queue, followers carry none; transient
-- says that trying again may help, and upkeep does.
create sequence parked_seq;
create table parked (
    tenant_id uuid not null,
    consumer text not null,
    service text not null,
    aggregate text not null,
    seq bigint not null default nextval('parked_seq'),
    event_id uuid not null,
    envelope text not null,
    cause text,
    attempts integer not null,
    transient boolean not null,
    parked_at timestamptz not null,
    constraint parked_pkey primary key (tenant_id, consumer, service, aggregate, seq)
);
create index parked_consumer on parked (consumer, seq);
comment on table parked is 'retention: until un-parked or discarded by an operator; personal: none';
select tenant_table('parked');

do $$
declare
    service_role constant text := current_setting('bloom.service_role');
    system_role constant text := current_setting('bloom.system_role');
begin
    execute format('grant select, insert, update on consumer, consumer_cursor to %I, %I', service_role, system_role);
    execute format('grant delete on consumer_cursor to %I', system_role);
    execute format('grant usage on sequence parked_seq to %I, %I', service_role, system_role);
end $$;
