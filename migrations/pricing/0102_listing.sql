-- The published price of one unit by channel, which the catalog's listing shows, and the replicas that it needs: the catalog's
-- channels, and the tax class of variants that do not have the default one.

create table variant_price (
    tenant_id uuid not null,
    variant_id uuid not null,
    -- As last published: [{channel_id, price}], by channel id.
    prices jsonb not null,
    version bigint not null,
    updated_at timestamptz not null,
    primary key (tenant_id, variant_id)
);
select tenant_table('variant_price');
comment on table variant_price is 'retention: as long as the tenant, its versions must never fall; personal: none';

create table channel (
    tenant_id uuid not null,
    id uuid not null,
    currency char(3) not null,
    gross boolean not null,
    country char(2) not null,
    is_default boolean not null,
    version bigint not null,
    primary key (tenant_id, id)
);
select tenant_table('channel');
comment on table channel is 'retention: replica of the catalog, as long as the tenant; personal: none';

create table variant_class (
    tenant_id uuid not null,
    variant_id uuid not null,
    product_id uuid not null,
    -- Null: the tenant's default class.
    tax_class_id uuid,
    version bigint not null,
    primary key (tenant_id, variant_id)
);
select tenant_table('variant_class');
comment on table variant_class is 'retention: replica of the catalog, as long as the tenant; personal: none';
