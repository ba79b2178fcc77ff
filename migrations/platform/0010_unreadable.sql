-- Messages of the bus that are no events as far as a consumer can tell: their headers name no tenant, say, so that there is no
-- queue of an aggregate to park them in. They are kept as they came, each once however often it is delivered, until an operator
-- discards them or a release can read them. No tenant's role sees them.
create table unreadable (
    consumer text not null,
    topic text not null,
    partition integer not null,
    message_offset bigint not null,
    -- Milliseconds of its own time: a topic that is made anew counts its offsets from the start.
    sent_ms bigint not null,
    cause text not null,
    attributes bytea not null,
    payload bytea,
    parked_at timestamptz not null,
    constraint unreadable_pkey primary key (consumer, topic, partition, message_offset, sent_ms)
);
comment on table unreadable is
    'retention: until taken up or discarded by an operator; personal: attributes, payload (whatever a stranger sent, sealed with the service''s key)';

do $$ begin
    execute format('grant select, insert, delete on unreadable to %I', current_setting('bloom.system_role'));
end $$;
