-- The test payment provider. A tenant here is one account of the provider: its id is a digest of its bearer key.

-- Where an account wants its webhooks. These are secrets of a test server, worth nothing elsewhere.
create table endpoint (
    tenant_id uuid not null,
    url text not null,
    secret bytea not null,
    updated_at timestamptz not null,
    constraint endpoint_pkey primary key (tenant_id)
);
comment on table endpoint is 'retention: for ever, one row an account; personal: none';
select tenant_table('endpoint', 'select, insert, update', 'select');

-- A promise of money. Its lock guards everything that is drawn from it.
-- sequence counts the changes of this object, so that a reader of two notices knows which one is older.
create table authorisation (
    tenant_id uuid not null,
    id uuid not null,
    idempotency_key text not null,
    fingerprint bytea not null,
    amount bigint not null,
    currency char(3) not null,
    token text not null,
    return_url text,
    status text not null,
    failure_code text,
    captured_amount bigint not null,
    voided_amount bigint not null,
    refunded_amount bigint not null,
    sequence bigint not null,
    created_at timestamptz not null,
    constraint authorisation_pkey primary key (tenant_id, id),
    constraint authorisation_idempotency_key unique (tenant_id, idempotency_key),
    constraint authorisation_status_known check (status in ('pending', 'requires_action', 'succeeded', 'failed')),
    constraint authorisation_amounts check (
        amount > 0 and least(captured_amount, voided_amount, refunded_amount) >= 0
        and captured_amount + voided_amount <= amount and refunded_amount <= captured_amount)
);
comment on table authorisation is 'retention: for ever, a test server is reset as a whole; personal: none';
select tenant_table('authorisation', 'select, insert, update', 'select');

-- Money drawn, given up or given back under an authorisation; amounts of pending ones count as taken.
create table movement (
    tenant_id uuid not null,
    id uuid not null,
    authorisation_id uuid not null,
    kind text not null,
    idempotency_key text not null,
    fingerprint bytea not null,
    amount bigint not null,
    status text not null,
    sequence bigint not null,
    created_at timestamptz not null,
    constraint movement_pkey primary key (tenant_id, id),
    constraint movement_idempotency_key unique (tenant_id, idempotency_key),
    constraint movement_authorisation_fkey foreign key (tenant_id, authorisation_id) references authorisation,
    constraint movement_kind_known check (kind in ('capture', 'void', 'refund')),
    constraint movement_status_known check (status in ('pending', 'succeeded')),
    constraint movement_amount_positive check (amount > 0)
);
comment on table movement is 'retention: for ever, a test server is reset as a whole; personal: none';
select tenant_table('movement', 'select, insert, update', 'select');

-- A notice to be delivered: its body is fixed, so that every attempt says the same.
create table notice (
    tenant_id uuid not null,
    id uuid not null,
    body text not null,
    attempts integer not null,
    delivered_at timestamptz,
    last_error text,
    created_at timestamptz not null,
    constraint notice_pkey primary key (tenant_id, id)
);
comment on table notice is 'retention: for ever, a test server is reset as a whole; personal: none';
select tenant_table('notice', 'select, insert, update', 'select');
