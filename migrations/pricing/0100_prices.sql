-- Price lists and their prices. A price is one amount for a variant from a quantity on; the rows of one variant in one
-- list are its tiers. The currency belongs to the list, so tiers cannot mix currencies.

create table price_list (
    tenant_id uuid not null,
    id uuid not null,
    code text not null,
    name text not null,
    currency char(3) not null,
    -- Null: for every channel.
    channel_id uuid,
    -- True when the prices include tax.
    gross boolean not null,
    -- The country whose tax gross prices include; null: the tax of the destination.
    tax_country char(2),
    starts_at timestamptz,
    ends_at timestamptz,
    priority integer not null,
    status text not null,
    -- Whether prices that name no list go here; one list per currency, always active.
    is_base boolean not null default false,
    metadata jsonb not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (tenant_id, id),
    constraint price_list_status_check check (status in ('draft', 'active', 'archived')),
    constraint price_list_dates_check check (starts_at < ends_at),
    constraint price_list_tax_country_check check (gross or tax_country is null),
    constraint price_list_base_check check (
        not is_base or (channel_id is null and starts_at is null and ends_at is null and status = 'active')
    )
);
-- Before the key of codes: of two transactions that create the same base list at once, the second must meet this index first, because
-- it is the one that its insert passes over (`on conflict`).
create unique index price_list_base_key on price_list (tenant_id, currency) where is_base;
alter table price_list add constraint price_list_code_key unique (tenant_id, code);
select tenant_table('price_list');
comment on table price_list is 'retention: as long as the tenant, archived instead of deleted; personal: none';

create table price (
    tenant_id uuid not null,
    id uuid not null,
    price_list_id uuid not null,
    variant_id uuid not null,
    min_quantity bigint not null,
    -- Minor units of the list's currency.
    amount bigint not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (tenant_id, id),
    constraint price_list_fk foreign key (tenant_id, price_list_id) references price_list (tenant_id, id),
    constraint price_tier_key unique (tenant_id, price_list_id, variant_id, min_quantity),
    constraint price_amount_check check (amount between 0 and 1000000000000),
    constraint price_min_quantity_check check (min_quantity between 1 and 1000000)
);
create index price_variant on price (tenant_id, variant_id, price_list_id, min_quantity);
select tenant_table('price');
comment on table price is 'retention: until deleted by the tenant; personal: none';
