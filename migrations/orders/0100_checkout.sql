-- The saga of one purchase. Every id that it will give to others is chosen in the first commit, so that each step can be
-- asked for again and happens once. The row is also the idempotency row of POST /v1/checkouts.
create table checkout (
    tenant_id uuid not null,
    id uuid not null,
    cart_id uuid not null,
    -- The cart while the checkout may still succeed or has; null once it failed. A column of its own, so that a change of
    -- status touches no index.
    buying uuid,
    status text not null,
    idempotency_key text,
    fingerprint bytea not null,
    -- Who asked; later steps act on their behalf.
    actor text not null,
    -- SHA-256 of the cart token that came with the request; null when none came.
    token_digest bytea,
    -- Cart token, payment token, provider and return URL, sealed with the service's key; emptied when the checkout ends.
    instructions bytea,
    order_id uuid not null,
    hold_id uuid not null,
    payment_id uuid not null,
    authorise_id uuid not null,
    void_id uuid not null,
    refund_id uuid not null,
    -- What the payer must do, and why the checkout failed, as the buyer was told.
    action jsonb,
    failure jsonb,
    -- When a checkout that is neither paid nor refused is given up.
    deadline timestamptz not null,
    -- True when nothing is left to do in other services.
    settled boolean not null,
    attempts integer not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint checkout_pkey primary key (tenant_id, id),
    constraint checkout_status_check check (
        status in ('processing', 'payment_pending', 'action_required', 'compensating', 'completed', 'failed')
    ),
    constraint checkout_buying_check check ((buying is null) = (status = 'failed') and coalesce(buying, cart_id) = cart_id)
) with (fillfactor = 60);
-- One purchase of a cart at a time, and one at all once it succeeded.
create unique index checkout_cart_key on checkout (tenant_id, buying);
create unique index checkout_idempotency_key on checkout (tenant_id, idempotency_key);
create unique index checkout_payment_key on checkout (tenant_id, payment_id);
select tenant_table('checkout');
comment on table checkout is
    'retention: as long as its order, failed ones 90 days; personal: none (instructions are sealed and emptied at the end)';
