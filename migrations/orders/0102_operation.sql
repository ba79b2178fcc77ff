-- One call to another service that an order needs: its id is the idempotency key over there, so it happens once however
-- often it is asked for. Committed before the call, settled after it.
create table operation (
    tenant_id uuid not null,
    id uuid not null,
    order_id uuid not null,
    kind text not null,
    status text not null,
    -- Amount in minor units, of the kinds that move money.
    amount bigint,
    -- The refund or fulfilment that it belongs to.
    subject uuid,
    -- Units at locations, of the kinds that move stock.
    allocations jsonb not null,
    -- Why it was refused, as the caller was told.
    failure jsonb,
    actor text not null,
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
