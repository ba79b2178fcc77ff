-- The ledger of stock: append-only, typed, and the only writer of levels. An insert moves the levels of its items in the
-- same statement; nothing else can, and no role of the service may change or remove a movement.

create table movement (
    tenant_id uuid not null,
    id uuid not null,
    variant_id uuid not null,
    location_id uuid not null,
    kind text not null,
    on_hand_delta bigint not null,
    allocated_delta bigint not null,
    held_delta bigint not null,
    hold_id uuid,
    hold_position integer,
    order_id uuid,
    -- The request that moved allocated units (see stock_operation).
    operation_id text,
    -- Why, in the words of who asked.
    reason text,
    actor text not null,
    occurred_at timestamptz not null,
    constraint movement_pkey primary key (tenant_id, id),
    constraint movement_kind_check check (
        case
            when kind in ('received', 'returned') then on_hand_delta > 0 and allocated_delta = 0 and held_delta = 0
            when kind = 'adjusted' then on_hand_delta <> 0 and allocated_delta = 0 and held_delta = 0
            when kind = 'counted' then allocated_delta = 0 and held_delta = 0
            when kind = 'held' then on_hand_delta = 0 and allocated_delta = 0 and held_delta > 0
            when kind in ('hold_released', 'hold_expired') then
                on_hand_delta = 0 and allocated_delta = 0 and held_delta < 0
            when kind = 'allocated' then on_hand_delta = 0 and allocated_delta > 0 and held_delta = -allocated_delta
            when kind = 'released' then on_hand_delta = 0 and allocated_delta < 0 and held_delta = 0
            when kind = 'shipped' then on_hand_delta < 0 and allocated_delta = on_hand_delta and held_delta = 0
            else false
        end
    ),
    constraint movement_hold_check check (
        (hold_id is not null) = (kind in ('held', 'hold_released', 'hold_expired', 'allocated'))
        and (hold_id is null) = (hold_position is null)
    ),
    constraint movement_order_check check (order_id is not null or kind not in ('allocated', 'released', 'shipped'))
);
create index movement_variant on movement (tenant_id, variant_id, id);
create index movement_order on movement (tenant_id, order_id, id) where order_id is not null;
-- A line of a hold begins once and ends once: allocated, released or expired.
create unique index movement_hold_key on movement (tenant_id, hold_id, hold_position, (held_delta < 0))
    where hold_id is not null;
comment on table movement is 'retention: for ever, levels are its sums; personal: none';
select tenant_table('movement', 'select, insert', 'select');

-- Whose stock has changed since it was last published: a row per change, so that writers never wait for one another
-- here. The publisher removes the rows that it has read, in the commit of its event.
create table stock_dirty (
    tenant_id uuid not null,
    variant_id uuid not null,
    seq bigint generated always as identity,
    constraint stock_dirty_pkey primary key (tenant_id, variant_id, seq)
);
comment on table stock_dirty is 'retention: until published, milliseconds as a rule; personal: none';
select tenant_table('stock_dirty', 'select, delete', 'select');

-- Moves the levels by the movements of one statement. Runs as the owner, who alone may write levels, and therefore
-- names the tenant itself.
create function movement_apply() returns trigger
language plpgsql security definer set search_path from current as $$
declare
    wanted bigint;
    moved bigint;
begin
    with delta as (
        select tenant_id, variant_id, location_id,
            sum(on_hand_delta)::bigint as on_hand,
            sum(allocated_delta)::bigint as allocated,
            sum(held_delta)::bigint as held,
            bool_or(kind in ('adjusted', 'counted')) as is_fact,
            max(occurred_at) as occurred_at
        from added
        group by tenant_id, variant_id, location_id
    ), item as (
        update stock_item i
        set on_hand = i.on_hand + d.on_hand,
            allocated = i.allocated + d.allocated,
            held = i.held + d.held,
            -- Only a fact raises the shortfall, whatever it turns out to be.
            shortfall = least(
                case when d.is_fact then 9223372036854775807 else i.shortfall end,
                greatest(0, i.allocated + d.allocated + i.held + d.held - i.on_hand - d.on_hand - i.backorder_limit)
            ),
            version = i.version + 1,
            updated_at = greatest(i.updated_at, d.occurred_at)
        from delta d
        where (i.tenant_id, i.variant_id, i.location_id) = (d.tenant_id, d.variant_id, d.location_id)
        returning i.tenant_id, i.variant_id
    ), mark as (
        insert into stock_dirty (tenant_id, variant_id) select distinct tenant_id, variant_id from item
    )
    select (select count(*) from delta), (select count(*) from item) into wanted, moved;
    if moved <> wanted then
        raise exception 'a movement names an item that does not exist'
            using errcode = 'foreign_key_violation', constraint = 'movement_item_fkey';
    end if;
    return null;
end
$$;
create trigger movement_apply after insert on movement
    referencing new table as added for each statement execute function movement_apply();

-- New items and other settings are changes of stock as well.
create function stock_item_created() returns trigger
language plpgsql security definer set search_path from current as $$
begin
    insert into stock_dirty (tenant_id, variant_id) select distinct tenant_id, variant_id from added;
    return null;
end
$$;
create trigger stock_item_created after insert on stock_item
    referencing new table as added for each statement execute function stock_item_created();

create function stock_item_set() returns trigger
language plpgsql security definer set search_path from current as $$
begin
    insert into stock_dirty (tenant_id, variant_id) values (new.tenant_id, new.variant_id);
    return null;
end
$$;
create trigger stock_item_set after update on stock_item
    for each row when (
        (old.safety_stock, old.backorder_limit) is distinct from (new.safety_stock, new.backorder_limit)
    )
    execute function stock_item_set();

-- What stock.updated tells of a location is published again when it changes.
create function location_dirty() returns trigger
language plpgsql security definer set search_path from current as $$
begin
    insert into stock_dirty (tenant_id, variant_id)
    select tenant_id, variant_id from stock_item where (tenant_id, location_id) = (new.tenant_id, new.id);
    return null;
end
$$;
create trigger location_dirty after update on location
    for each row when ((old.code, old.priority, old.active) is distinct from (new.code, new.priority, new.active))
    execute function location_dirty();

-- The version of the last stock.updated event of a variant, over all its locations.
create table variant_stock (
    tenant_id uuid not null,
    variant_id uuid not null,
    version bigint not null,
    updated_at timestamptz not null,
    constraint variant_stock_pkey primary key (tenant_id, variant_id)
);
comment on table variant_stock is 'retention: as long as the tenant; personal: none';
select tenant_table('variant_stock', 'select, insert, update', 'select');
