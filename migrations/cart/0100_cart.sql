-- A cart is always read and written as a whole, under its version. The document is the REST resource without personal data, the
-- same as in events; the columns beside it decide which changes are allowed.
create table cart (
    tenant_id uuid not null,
    id uuid not null,
    status text not null,
    -- SHA-256 of the token that a guest must send; the token itself is shown once and stored nowhere.
    token_digest bytea not null,
    subject_id uuid not null,
    -- E-mail and addresses, encrypted with the key of the data subject.
    personal bytea,
    document jsonb not null,
    -- Where its stock comes from in the order of their priority, as the channel was when the cart was last priced.
    location_ids uuid[] not null,
    -- The checkout that has frozen or completed the cart.
    checkout_id uuid,
    -- Checkouts that have unfrozen the cart, newest first: a later freeze by one of them is refused.
    released_checkouts uuid[] not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint cart_pkey primary key (tenant_id, id),
    constraint cart_status_check check (
        status = 'open' and checkout_id is null or status in ('frozen', 'completed') and checkout_id is not null
    ),
    constraint cart_document_check check (
        document ->> 'status' = status and (document ->> 'version')::bigint = version
    )
) with (fillfactor = 60);
select tenant_table('cart');
comment on table cart is
    'retention: 30 days after the last change, by timer; personal: personal (sealed), subject_id';
