-- One call to another service that an order needs. Its id is the idempotency key of the call, so that it takes effect once however often
-- it is repeated. Committed before the call, settled after it.
create table operation (
    tenant_id uuid not null,
    id uuid not null,
    order_id uuid not null,
    kind text not null,
    status text not null,
    -- Amount in minor units, of captures and refunds.
    amount bigint,
    -- The refund or fulfilment that it belongs to.
    target_id uuid,
    -- Units at locations, of shipments and releases.
    units jsonb not null,
    -- Of a shipment: its fulfilment was created by the same request, and is canceled when inventory refuses it.
    with_fulfilment boolean not null default false,
    -- Why it was refused, as the caller was answered.
    failure jsonb,
    actor text not null,
    -- Calls without a final answer.
    attempts integer not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint operation_pkey primary key (tenant_id, id),
    constraint operation_order_fk foreign key (tenant_id, order_id) references orders (tenant_id, id),
    constraint operation_kind_check check (kind in ('capture', 'refund', 'void', 'ship', 'release')),
    constraint operation_status_check check (status in ('running', 'succeeded', 'failed')),
    constraint operation_amount_check check ((amount > 0) = (kind in ('capture', 'refund')) or amount is null)
);
create index operation_order on operation (tenant_id, order_id, id);
select tenant_table('operation', 'select, insert, update');
comment on table operation is 'retention: as long as the order; personal: none';
