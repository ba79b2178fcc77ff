-- A way to deliver with its table of charges: flat, or by the weight of the lines that need a delivery.
create table delivery_option (
    tenant_id uuid not null,
    id uuid not null,
    code text not null,
    name text not null,
    -- Null: for every channel of the currency.
    channel_id uuid,
    currency char(3) not null,
    -- Empty: everywhere. Otherwise ISO 3166-1 alpha-2 codes.
    countries text[] not null,
    -- {"type": "flat", "amount": n} or {"type": "weight", "steps": [{"up_to_grams": n, "amount": n}, …]}
    charge jsonb not null,
    -- Null: the tenant's default tax class.
    tax_class_id uuid,
    active boolean not null,
    -- Position in lists, lowest first.
    position integer not null,
    metadata jsonb not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint delivery_option_pkey primary key (tenant_id, id),
    constraint delivery_option_code_key unique (tenant_id, code)
);
create index delivery_option_list on delivery_option (tenant_id, position, id);
select tenant_table('delivery_option', 'select, insert, update');
comment on table delivery_option is 'retention: as long as the tenant, switched off instead of deleted; personal: none';
