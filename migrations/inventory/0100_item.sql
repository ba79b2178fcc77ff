-- Where stock lies, and how much of what. The levels of an item (on_hand, allocated, held) have one writer, the ledger of
-- 0101: the service's role may insert and update the settings of an item, and no level.

create table location (
    tenant_id uuid not null,
    id uuid not null,
    code text not null,
    name text not null,
    -- Lower is asked first.
    priority integer not null,
    active boolean not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint location_pkey primary key (tenant_id, id),
    constraint location_code_key unique (tenant_id, code),
    constraint location_priority_check check (priority between 0 and 1000000)
);
create index location_priority on location (tenant_id, priority, id);
comment on table location is 'retention: as long as the tenant, deactivated instead of deleted; personal: none';
select tenant_table('location', 'select, insert, update', 'select');

-- What is promised (allocated and held) stays within what is there and what may be back-ordered. Only a fact can break
-- that: a count that finds fewer units, or a lower backorder limit. What is then promised too much is the shortfall; it
-- never grows by a hold or an allocation, so the check below makes an oversell impossible, whatever the service does.
create table stock_item (
    tenant_id uuid not null,
    variant_id uuid not null,
    location_id uuid not null,
    on_hand bigint not null default 0,
    allocated bigint not null default 0,
    held bigint not null default 0,
    shortfall bigint not null default 0,
    safety_stock bigint not null,
    backorder_limit bigint not null,
    -- Rises with each change; settings_version is what it rose to when the settings last changed, so that a writer of
    -- settings is not refused because a unit was sold meanwhile.
    version bigint not null,
    settings_version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint stock_item_pkey primary key (tenant_id, variant_id, location_id),
    constraint stock_item_location_fkey foreign key (tenant_id, location_id) references location (tenant_id, id),
    constraint stock_item_on_hand_check check (on_hand between 0 and 1000000000000),
    constraint stock_item_allocated_check check (allocated >= 0),
    constraint stock_item_held_check check (held >= 0),
    constraint stock_item_shortfall_check check (shortfall >= 0),
    constraint stock_item_settings_check check (
        safety_stock between 0 and 1000000000 and backorder_limit between 0 and 1000000000
    ),
    constraint stock_item_promised_check check (allocated + held <= on_hand + backorder_limit + shortfall)
);
create index stock_item_location on stock_item (tenant_id, location_id, variant_id);
comment on table stock_item is 'retention: as long as the tenant; personal: none';
select tenant_table(
    'stock_item',
    'select,
     insert (tenant_id, variant_id, location_id, safety_stock, backorder_limit, version, settings_version, created_at, updated_at),
     update (safety_stock, backorder_limit, version, settings_version, updated_at)',
    'select'
);

-- A lower backorder limit may leave a shortfall, a higher one takes it back.
create function stock_item_limit() returns trigger language plpgsql as $$
begin
    new.shortfall := greatest(0, new.allocated + new.held - new.on_hand - new.backorder_limit);
    return new;
end
$$;
create trigger stock_item_limit before update of backorder_limit on stock_item
    for each row when (old.backorder_limit is distinct from new.backorder_limit)
    execute function stock_item_limit();
