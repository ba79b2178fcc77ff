-- A write that carried an Idempotency-Key commits its reply here, with its effect, and the same key gets it again.
-- The key is the client's within one tenant and one operation; the fingerprint tells a repeat from a misuse.
create table idempotency (
    tenant_id uuid not null,
    op text not null,
    key text not null,
    fingerprint bytea not null,
    status smallint not null,
    etag bigint,
    body bytea,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    constraint idempotency_pkey primary key (tenant_id, op, key)
);
create index idempotency_expires on idempotency (expires_at);
comment on table idempotency is
    'retention: until expires_at, at least 24 hours, removed in batches; personal: body (a reply, sealed with the service''s key)';
select tenant_table('idempotency', 'select, insert, update, delete', 'select, delete');
