-- Payments: connections to providers, one payment per checkout, the operations that move its money.

-- How a tenant reaches a payment provider. Looked up by its id alone when a provider calls back: such a request
-- carries no tenant before its connection is known. webhook_url is where the provider
-- sends its notices.
create table connection (
    tenant_id uuid not null,
    id uuid not null,
    provider text not null,
    name text not null,
    credentials bytea,
    webhook_secret bytea,
    webhook_url text,
    is_default boolean not null,
    active boolean not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint connection_pkey primary key (tenant_id, id),
    constraint connection_provider_known check (provider in ('sandbox', 'manual')),
    constraint connection_name_length check (char_length(name) between 1 and 255),
    constraint connection_sealed check ((provider = 'manual') = (credentials is null and webhook_secret is null)),
    constraint connection_registered check ((provider = 'manual') = (webhook_url is null)),
    constraint connection_default_active check (active or not is_default)
);
create unique index connection_default_key on connection (tenant_id) where is_default;
-- A hash, so that no list of a tenant is ever read through it.
create index connection_lookup on connection using hash (id);
comment on table connection is 'retention: for ever, deactivated instead of deleted; personal: none (credentials are sealed)';
select tenant_table('connection', 'select, insert, update', 'select');

-- What a checkout pays. The amounts are those of the ledger, kept here so that one row lock guards them all; the *_pending
-- amounts are reserved for operations whose outcome is not known yet. The money of a payment with an order is moved
-- through the order only.
create table payment (
    tenant_id uuid not null,
    id uuid not null,
    checkout_id uuid not null,
    order_id uuid,
    connection_id uuid not null,
    provider text not null,
    currency char(3) not null,
    amount bigint not null,
    status text not null,
    authorised_amount bigint not null,
    capture_pending_amount bigint not null,
    captured_amount bigint not null,
    void_pending_amount bigint not null,
    voided_amount bigint not null,
    refund_pending_amount bigint not null,
    refunded_amount bigint not null,
    provider_reference text,
    waiting_void_id uuid,
    action_url text,
    failure_code text,
    failure_message text,
    return_url text,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint payment_pkey primary key (tenant_id, id),
    constraint payment_checkout_key unique (tenant_id, checkout_id),
    constraint payment_connection_fkey foreign key (tenant_id, connection_id) references connection,
    constraint payment_status_known check (status in (
        'pending', 'action_required', 'authorised', 'partially_captured', 'captured', 'partially_refunded', 'refunded',
        'voided', 'failed', 'unknown')),
    constraint payment_amounts_not_negative check (
        amount > 0 and least(authorised_amount, capture_pending_amount, captured_amount, void_pending_amount,
                             voided_amount, refund_pending_amount, refunded_amount) >= 0),
    constraint payment_authorised_within_amount check (authorised_amount <= amount),
    constraint payment_captured_within_authorised check (
        captured_amount + capture_pending_amount + voided_amount + void_pending_amount <= authorised_amount),
    constraint payment_refunded_within_captured check (refunded_amount + refund_pending_amount <= captured_amount)
);
create index payment_by_status on payment (tenant_id, status, id);
comment on table payment is 'retention: for ever, it belongs to the ledger; personal: none';
select tenant_table('payment', 'select, insert, update', 'select');

-- One request to the provider, under an id that the caller chose: the id is the provider's idempotency key too.
-- init: recorded, perhaps sent. pending: the provider works on it. unknown: the provider's answer did not reach us.
-- payment_id has no foreign key: a void that overtakes its payment leaves a failed authorisation here, and the unique index
-- over authorisations keeps the payment from ever being opened.
create table operation (
    tenant_id uuid not null,
    id uuid not null,
    payment_id uuid not null,
    kind text not null,
    amount bigint not null,
    status text not null,
    fingerprint bytea not null,
    reverses uuid,
    provider_reference text,
    provider_sequence bigint not null,
    failure_code text,
    failure_message text,
    actor text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint operation_pkey primary key (tenant_id, id),
    constraint operation_reverses_fkey foreign key (tenant_id, reverses) references operation,
    constraint operation_kind_known check (kind in ('authorise', 'capture', 'void', 'refund')),
    constraint operation_status_known check (status in ('init', 'pending', 'succeeded', 'failed', 'unknown')),
    -- The amount is 0 of a void that still waits or finds nothing, and of an authorisation that blocks its payment.
    constraint operation_amount_positive check (
        amount > 0 or (amount = 0 and (kind = 'void' or (kind = 'authorise' and status = 'failed'))))
);
create index operation_by_payment on operation (tenant_id, payment_id, id);
create unique index operation_authorise_key on operation (tenant_id, payment_id) where kind = 'authorise' and reverses is null;
create unique index operation_reverses_key on operation (tenant_id, reverses) where reverses is not null;
comment on table operation is 'retention: for ever, it belongs to the ledger; personal: none';
select tenant_table('operation', 'select, insert, update', 'select');

-- A provider's notice is inserted before it is acted on, in one transaction: the second copy finds the first.
-- refusal is why a genuine notice could not be applied; an operator has to look at it.
create table notice (
    tenant_id uuid not null,
    connection_id uuid not null,
    notice_id text not null,
    operation_id uuid,
    refusal text,
    received_at timestamptz not null,
    constraint notice_pkey primary key (tenant_id, connection_id, notice_id),
    constraint notice_connection_fkey foreign key (tenant_id, connection_id) references connection,
    constraint notice_id_length check (char_length(notice_id) between 1 and 255)
);
comment on table notice is 'retention: for ever, it is what the provider reported; personal: none';
select tenant_table('notice', 'select, insert, update', 'select');
