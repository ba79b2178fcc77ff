-- A change of allocated units happens once: its id and the digest of its request commit with its movements.
create table stock_operation (
    tenant_id uuid not null,
    id text not null,
    kind text not null,
    order_id uuid not null,
    fingerprint bytea not null,
    created_at timestamptz not null,
    constraint stock_operation_pkey primary key (tenant_id, id),
    constraint stock_operation_kind_check check (kind in ('shipped', 'released'))
);
comment on table stock_operation is 'retention: as long as the tenant; personal: none';
select tenant_table('stock_operation', 'select, insert', 'select');
