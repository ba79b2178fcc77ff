-- Ways to sell. A channel fixes currency, price basis and stock locations.
create table channel (
    tenant_id uuid not null,
    id uuid not null,
    code text not null,
    name text not null,
    currency char(3) not null,
    -- gross: prices include tax.
    price_basis text not null,
    -- The country whose tax applies while no address is known.
    country char(2) not null,
    -- Stock locations, first served first; empty: every active location by its own priority.
    location_ids uuid[] not null,
    is_default boolean not null,
    active boolean not null,
    metadata jsonb not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint channel_pkey primary key (tenant_id, id),
    constraint channel_code_key unique (tenant_id, code),
    constraint channel_price_basis_check check (price_basis in ('gross', 'net')),
    constraint channel_default_active_check check (active or not is_default)
);
create unique index channel_default_key on channel (tenant_id) where is_default;
comment on table channel is 'retention: forever, orders refer to channels; personal: none';
select tenant_table('channel', 'select, insert, update');
