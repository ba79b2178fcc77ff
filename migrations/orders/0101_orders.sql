-- An order is always read and written whole, under its row lock. The document is the REST resource without personal data, as events
-- carry it; the other columns are what lists filter by and what other rows refer to.
create table orders (
    tenant_id uuid not null,
    id uuid not null,
    number bigint not null,
    status text not null,
    payment_status text not null,
    fulfilment_status text not null,
    checkout_id uuid not null,
    -- Null when there was nothing to pay.
    payment_id uuid,
    subject_id uuid not null,
    -- E-mail address and postal addresses, sealed for the data subject.
    personal bytea,
    -- Keyed digest of the e-mail address; cleared when the subject is erased.
    email_index bytea,
    document jsonb not null,
    version bigint not null,
    placed_at timestamptz not null,
    updated_at timestamptz not null,
    constraint orders_pkey primary key (tenant_id, id),
    constraint orders_number_key unique (tenant_id, number),
    constraint orders_checkout_key unique (tenant_id, checkout_id),
    constraint orders_checkout_fk foreign key (tenant_id, checkout_id) references checkout (tenant_id, id),
    constraint orders_status_check check (status in ('placed', 'confirmed', 'completed', 'canceled', 'expired')),
    constraint orders_document_check check (
        document ->> 'status' = status
        and document ->> 'payment_status' = payment_status
        and document ->> 'fulfilment_status' = fulfilment_status
        and (document ->> 'version')::bigint = version
    )
);
create index orders_placed on orders (tenant_id, placed_at desc, id desc);
create index orders_status on orders (tenant_id, status, placed_at desc, id desc);
create index orders_payment_status on orders (tenant_id, payment_status, placed_at desc, id desc);
create index orders_fulfilment_status on orders (tenant_id, fulfilment_status, placed_at desc, id desc);
create index orders_email on orders (tenant_id, email_index, placed_at desc, id desc) where email_index is not null;
create index orders_subject on orders (tenant_id, subject_id);
select tenant_table('orders', 'select, insert, update');
comment on table orders is
    'retention: as long as the tenant; personal: personal (sealed), email_index (keyed digest), subject_id';

-- As the documents of the outbox: compressed by lz4 where the server has it.
do $$
begin
    alter table orders alter column document set compression lz4;
exception
    when feature_not_supported then null;
end
$$;

-- What happened to an order after it was placed, one row per version of it.
create table timeline (
    tenant_id uuid not null,
    order_id uuid not null,
    version bigint not null,
    kind text not null,
    actor text not null,
    at timestamptz not null,
    data jsonb not null,
    constraint timeline_pkey primary key (tenant_id, order_id, version),
    constraint timeline_order_fk foreign key (tenant_id, order_id) references orders (tenant_id, id)
);
select tenant_table('timeline', 'select, insert');
comment on table timeline is 'retention: as long as the order; personal: none';

-- The next number that no process has reserved. Processes reserve blocks, so that no order waits for the number of another.
create table order_number (
    tenant_id uuid not null,
    next bigint not null,
    constraint order_number_pkey primary key (tenant_id)
);
select tenant_table('order_number', 'select, insert, update');
comment on table order_number is 'retention: as long as the tenant; personal: none';

create table order_setting (
    tenant_id uuid not null,
    -- manual: the merchant captures; on_fulfilment: what is shipped is captured
    capture text not null,
    -- Hours until an unpaid order expires.
    unpaid_hours integer not null,
    version bigint not null,
    updated_at timestamptz not null,
    constraint order_setting_pkey primary key (tenant_id),
    constraint order_setting_capture_check check (capture in ('manual', 'on_fulfilment')),
    constraint order_setting_unpaid_hours_check check (unpaid_hours between 1 and 8760)
);
select tenant_table('order_setting', 'select, insert, update');
comment on table order_setting is 'retention: as long as the tenant; personal: none';

-- An erasure destroys the key that seals a person's e-mail address and postal addresses; the digest that finds their orders is cleared
-- in the same transaction.
create function clear_email_index() returns trigger language plpgsql as $$
begin
    update orders set email_index = null where subject_id = new.subject_id and email_index is not null;
    return new;
end
$$;
create trigger clear_email_index after insert or update of wrapped on subject_key
    for each row when (new.wrapped is null)
    execute function clear_email_index();
