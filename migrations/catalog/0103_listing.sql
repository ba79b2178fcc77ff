-- The listing projection: the finished items of the product list.
--
-- Its sources are the catalogue's own tables and replicas of what pricing and inventory publish (the first tables here).

-- Versions of the last events of a variant's prices and stock; an event with a lower version is ignored.
create table variant_replica (
    tenant_id uuid not null,
    variant_id uuid not null,
    price_version bigint not null,
    stock_version bigint not null,
    constraint variant_replica_pkey primary key (tenant_id, variant_id)
);
comment on table variant_replica is 'retention: replica, as the sources; personal: none';
select tenant_table('variant_replica');

-- The price of one unit now.
create table variant_price (
    tenant_id uuid not null,
    variant_id uuid not null,
    channel_id uuid not null,
    price_amount bigint not null,
    currency char(3) not null,
    constraint variant_price_pkey primary key (tenant_id, variant_id, channel_id)
);
comment on table variant_price is 'retention: replica, as the sources; personal: none';
select tenant_table('variant_price');

-- Units that can be sold at a location, as inventory publishes them; listings show nothing below zero.
create table variant_stock (
    tenant_id uuid not null,
    variant_id uuid not null,
    location_id uuid not null,
    available bigint not null,
    constraint variant_stock_pkey primary key (tenant_id, variant_id, location_id)
);
create index variant_stock_location on variant_stock (tenant_id, location_id, variant_id);
comment on table variant_stock is 'retention: replica, as the sources; personal: none';
select tenant_table('variant_stock');

create table location (
    tenant_id uuid not null,
    id uuid not null,
    code text not null,
    priority integer not null,
    active boolean not null,
    version bigint not null,
    constraint location_pkey primary key (tenant_id, id)
);
comment on table location is 'retention: replica, as the sources; personal: none';
select tenant_table('location');

-- Tax classes of pricing that variants may name; pricing is asked about those that are missing here.
create table tax_class (
    tenant_id uuid not null,
    id uuid not null,
    constraint tax_class_pkey primary key (tenant_id, id)
);
comment on table tax_class is 'retention: replica, as the sources; personal: none';
select tenant_table('tax_class');

-- One product in one channel: the finished list item, and the columns of filters.
create table listing (
    tenant_id uuid not null,
    channel_id uuid not null,
    product_id uuid not null,
    -- 1 live (active and published here), 2 active but not published here, 3 draft, 4 archived
    state smallint not null,
    price_amount bigint,
    available bigint not null,
    -- The scopes of its entries in listing_entry.
    scopes uuid[] not null,
    doc text not null,
    constraint listing_pkey primary key (tenant_id, product_id, channel_id)
) with (fillfactor = 80);
comment on table listing is 'retention: projection, rebuilt from its sources; personal: none';
select tenant_table('listing');

-- The entries of a listing: one for the whole catalogue, one for each category of the product and each category above it, one
-- for each collection. Every list is a range of one of these indexes, read forwards or backwards. Ids sort by creation.
--
-- scope_id   the nil UUID for the whole catalogue, else a category or a collection
-- price_key  products without a price come after all others
-- position   in collections only
create table listing_entry (
    tenant_id uuid not null,
    channel_id uuid not null,
    state smallint not null,
    scope_id uuid not null,
    product_id uuid not null,
    title_key text collate "C" not null,
    price_key bigint not null,
    position bigint,
    constraint listing_entry_pkey primary key (tenant_id, channel_id, state, scope_id, product_id)
);
create index listing_entry_title on listing_entry (tenant_id, channel_id, state, scope_id, title_key, product_id);
create index listing_entry_price on listing_entry (tenant_id, channel_id, state, scope_id, price_key, product_id);
create index listing_entry_position on listing_entry (tenant_id, channel_id, state, scope_id, position, product_id)
    where position is not null;
comment on table listing_entry is 'retention: projection, rebuilt from its sources; personal: none';
select tenant_table('listing_entry');

-- What `listing` must hold for these products, and with `scopes`, `positions` and `title_key` what `listing_entry` must:
-- the one definition, used to write the projection and to check it.
-- The price is the lowest of the active variants'; what is available is summed over them and over the channel's locations;
-- the warehouse is the first of those with stock.
create function listing_rows(products uuid[]) returns table (
    tenant_id uuid, channel_id uuid, product_id uuid, state smallint, price_amount bigint, available bigint,
    scopes uuid[], positions bigint[], title_key text, doc text
) language sql stable as $$
    select p.tenant_id, c.id, p.id,
        (case when p.status = 'draft' then 3 when p.status = 'archived' then 4
              when published.channel_id is null then 2 else 1 end)::smallint,
        price.amount,
        coalesce(stock.available, 0)::bigint,
        scope.ids,
        scope.positions,
        p.title_key,
        '{' || p.list_json
            || ',"price":' || coalesce('{"amount":' || price.amount || ',"currency":"' || c.currency || '"}', 'null')
            || ',"inventory":{"available":' || coalesce(stock.available, 0)
            || ',"warehouse":' || coalesce(to_json(stock.warehouse)::text, 'null') || '}}'
    from product p
    join channel c on c.tenant_id = p.tenant_id
    left join product_channel published
        on published.tenant_id = p.tenant_id and published.product_id = p.id and published.channel_id = c.id
    left join lateral (
        select min(vp.price_amount) as amount
        from variant v
        join variant_price vp on vp.tenant_id = v.tenant_id and vp.variant_id = v.id and vp.channel_id = c.id
        where v.tenant_id = p.tenant_id and v.product_id = p.id and v.status = 'active' and vp.currency = c.currency
    ) price on true
    left join lateral (
        select sum(greatest(s.available, 0)) as available,
            (array_agg(l.code order by array_position(c.location_ids, l.id), l.priority, l.code)
                filter (where s.available > 0))[1] as warehouse
        from variant v
        join variant_stock s on s.tenant_id = v.tenant_id and s.variant_id = v.id
        join location l on l.tenant_id = s.tenant_id and l.id = s.location_id
        where v.tenant_id = p.tenant_id and v.product_id = p.id and v.status = 'active'
            and l.active and (c.location_ids = '{}' or l.id = any (c.location_ids))
    ) stock on true
    cross join lateral (
        select array_agg(found.id order by found.id) as ids, array_agg(found.position order by found.id) as positions
        from (
            select '00000000-0000-0000-0000-000000000000'::uuid as id, null::bigint as position
            union all
            select distinct unnest(k.path), null::bigint
            from product_category pk
            join category k on k.tenant_id = pk.tenant_id and k.id = pk.category_id
            where pk.tenant_id = p.tenant_id and pk.product_id = p.id
            union all
            select pl.collection_id, pl.position
            from product_collection pl
            where pl.tenant_id = p.tenant_id and pl.product_id = p.id
        ) found
    ) scope
    where p.id = any (products)
$$;
