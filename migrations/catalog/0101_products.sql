-- Products, their types and their variants. A product with its variants, its channels, categories and collections is one
-- aggregate: one version, one lock (the product row), one event.

-- attributes  [{code, name, kind, values, required}]: the attributes of the type's products
create table product_type (
    tenant_id uuid not null,
    id uuid not null,
    code text not null,
    name text not null,
    attributes jsonb not null,
    metadata jsonb not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint product_type_pkey primary key (tenant_id, id),
    constraint product_type_code_key unique (tenant_id, code)
);
comment on table product_type is 'retention: forever, products refer to types; personal: none';
select tenant_table('product_type', 'select, insert, update');

-- title_key  what lists sort by
-- list_json  the members of the list item that the catalogue itself owns, as finished JSON text without braces
create table product (
    tenant_id uuid not null,
    id uuid not null,
    product_type_id uuid,
    external_id text,
    title text not null,
    title_key text collate "C" not null,
    description text not null,
    status text not null,
    requires_shipping boolean not null,
    options jsonb not null,
    attributes jsonb not null,
    media jsonb not null,
    metadata jsonb not null,
    list_json text not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint product_pkey primary key (tenant_id, id),
    constraint product_external_id_key unique (tenant_id, external_id),
    constraint product_type_fkey foreign key (tenant_id, product_type_id) references product_type (tenant_id, id),
    constraint product_status_check check (status in ('draft', 'active', 'archived'))
);
comment on table product is 'retention: forever, archived instead of deleted; personal: none';
select tenant_table('product', 'select, insert, update');

-- option_values  one value per option of the product, in the order of the options
create table variant (
    tenant_id uuid not null,
    id uuid not null,
    product_id uuid not null,
    position integer not null,
    status text not null,
    sku text not null,
    barcode text,
    external_id text,
    option_values text[] not null,
    weight_grams bigint not null,
    tax_class_id uuid,
    metadata jsonb not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint variant_pkey primary key (tenant_id, id),
    constraint variant_product_fkey foreign key (tenant_id, product_id) references product (tenant_id, id),
    constraint variant_status_check check (status in ('active', 'archived')),
    constraint variant_weight_check check (weight_grams >= 0)
);
-- An archived variant frees its SKU, external id and option values.
create unique index variant_sku_key on variant (tenant_id, sku) where status = 'active';
create unique index variant_external_id_key on variant (tenant_id, external_id) where status = 'active';
create unique index variant_options_key on variant (tenant_id, product_id, option_values) where status = 'active';
create index variant_product on variant (tenant_id, product_id, position, id);
create index variant_barcode on variant (tenant_id, barcode) where barcode is not null;
comment on table variant is 'retention: forever, archived instead of deleted; personal: none';
select tenant_table('variant', 'select, insert, update');

-- Publication: the channels that show the product once it is active.
create table product_channel (
    tenant_id uuid not null,
    product_id uuid not null,
    channel_id uuid not null,
    constraint product_channel_pkey primary key (tenant_id, product_id, channel_id),
    constraint product_channel_product_fkey foreign key (tenant_id, product_id) references product (tenant_id, id),
    constraint product_channel_channel_fkey foreign key (tenant_id, channel_id) references channel (tenant_id, id)
);
comment on table product_channel is 'retention: as the product; personal: none';
select tenant_table('product_channel');
