-- A checkout is the state of the saga of one purchase. All ids that it gives to other services are chosen by the insert, so that each
-- step may be repeated and takes effect once. The row is also the idempotency record of POST /v1/checkouts.
create table checkout (
    tenant_id uuid not null,
    id uuid not null,
    cart_id uuid not null,
    -- The cart once its order is placed, else null. Until then the cart service decides which checkout goes on, after it has seen the
    -- buyer's token: a client that only knows the id of a cart reserves nothing here.
    bought_cart_id uuid,
    status text not null,
    -- Null once a checkout has failed before anything happened under its key.
    idempotency_key text,
    fingerprint bytea not null,
    -- Who asked; later steps act on their behalf.
    actor text not null,
    -- SHA-256 of the cart token of the request; null when it had none.
    token_digest bytea,
    -- Cart token, payment token, provider and return URL, sealed with the service's key; removed when the checkout ends.
    secrets bytea,
    order_id uuid not null,
    hold_id uuid not null,
    payment_id uuid not null,
    authorise_id uuid not null,
    void_id uuid not null,
    refund_id uuid not null,
    -- What the payer must do, and why the checkout failed, as the buyer was answered.
    action jsonb,
    failure jsonb,
    -- When a checkout fails that has not ended by then.
    deadline timestamptz not null,
    -- True when nothing is left to do in other services.
    settled boolean not null,
    -- Whether the order was confirmed the moment it was placed: a repeated checkout gets the reply of the first one, whatever the order
    -- has become since.
    confirmed boolean not null default false,
    attempts integer not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint checkout_pkey primary key (tenant_id, id),
    constraint checkout_status_check check (
        status in ('processing', 'payment_pending', 'action_required', 'compensating', 'completed', 'failed')
    ),
    constraint checkout_bought_cart_check check (
        (bought_cart_id is not null) = (status = 'completed') and coalesce(bought_cart_id, cart_id) = cart_id
    )
) with (fillfactor = 60);
-- A cart becomes at most one order.
create unique index checkout_cart_key on checkout (tenant_id, bought_cart_id);
create unique index checkout_idempotency_key on checkout (tenant_id, idempotency_key);
create unique index checkout_payment_key on checkout (tenant_id, payment_id);
select tenant_table('checkout');
comment on table checkout is
    'retention: as long as its order, failed ones 90 days; personal: none (secrets are sealed and removed at the end)';
