-- The category tree. The database keeps the paths: a child stores the path of its parent, a foreign key keeps it equal to the
-- parent's, and moving a node (one update of parent_id and parent_path) cascades through its subtree. A move below itself
-- would put a node into its own path, which a check refuses, so a cycle cannot be stored.
create table category (
    tenant_id uuid not null,
    id uuid not null,
    parent_id uuid,
    parent_path uuid[] not null,
    -- Root first, the category itself last.
    path uuid[] not null generated always as (parent_path || id) stored,
    name text not null,
    position integer not null,
    metadata jsonb not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint category_pkey primary key (tenant_id, id),
    constraint category_path_key unique (tenant_id, id, path),
    constraint category_name_key unique nulls not distinct (tenant_id, parent_id, name),
    constraint category_parent_fkey foreign key (tenant_id, parent_id, parent_path)
        references category (tenant_id, id, path) on update cascade,
    constraint category_root_check check ((parent_id is null) = (parent_path = '{}')),
    constraint category_cycle_check check (id <> all (parent_path)),
    constraint category_depth_check check (cardinality(parent_path) < 16)
);
comment on table category is 'retention: until deleted by the tenant; personal: none';
select tenant_table('category');

create table product_category (
    tenant_id uuid not null,
    product_id uuid not null,
    category_id uuid not null,
    constraint product_category_pkey primary key (tenant_id, product_id, category_id),
    constraint product_category_product_fkey foreign key (tenant_id, product_id) references product (tenant_id, id),
    constraint product_category_category_fkey foreign key (tenant_id, category_id) references category (tenant_id, id)
);
create index product_category_category on product_category (tenant_id, category_id, product_id);
comment on table product_category is 'retention: as the product; personal: none';
select tenant_table('product_category');

-- Products chosen and ordered by hand.
create table collection (
    tenant_id uuid not null,
    id uuid not null,
    code text not null,
    title text not null,
    description text not null,
    metadata jsonb not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint collection_pkey primary key (tenant_id, id),
    constraint collection_code_key unique (tenant_id, code)
);
comment on table collection is 'retention: until deleted by the tenant; personal: none';
select tenant_table('collection');

create table product_collection (
    tenant_id uuid not null,
    product_id uuid not null,
    collection_id uuid not null,
    -- Any numbers, lowest first; equal ones are ordered by product id.
    position bigint not null,
    constraint product_collection_pkey primary key (tenant_id, product_id, collection_id),
    constraint product_collection_product_fkey foreign key (tenant_id, product_id) references product (tenant_id, id),
    constraint product_collection_collection_fkey foreign key (tenant_id, collection_id)
        references collection (tenant_id, id)
);
create index product_collection_collection on product_collection (tenant_id, collection_id, product_id);
comment on table product_collection is 'retention: as the product; personal: none';
select tenant_table('product_collection');
