-- Timed holds. A hold is over at expires_at, whether or not anybody has noticed: readers compare with the clock, a buyer
-- who locks an item ends the lines on it that are over, and a timer ends and publishes the rest.

create table hold (
    tenant_id uuid not null,
    id uuid not null,
    status text not null,
    expires_at timestamptz not null,
    -- Digest of the request that made it; null when it was released before it was made.
    fingerprint bytea,
    order_id uuid,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    ended_at timestamptz,
    constraint hold_pkey primary key (tenant_id, id),
    constraint hold_status_check check (status in ('active', 'released', 'expired', 'committed')),
    constraint hold_ended_check check ((status = 'active') = (ended_at is null)),
    constraint hold_order_check check ((status = 'committed') = (order_id is not null))
);
create index hold_status on hold (tenant_id, status, id);
comment on table hold is 'retention: as long as the tenant; personal: none';
select tenant_table('hold', 'select, insert, update', 'select');

-- Units of one line at one location. active: they count as held; it turns false once, with the movement that ends them.
create table hold_line (
    tenant_id uuid not null,
    hold_id uuid not null,
    position integer not null,
    line_id text not null,
    variant_id uuid not null,
    location_id uuid not null,
    quantity bigint not null,
    -- Of these, units that were not on hand.
    backordered bigint not null,
    expires_at timestamptz not null,
    active boolean not null,
    constraint hold_line_pkey primary key (tenant_id, hold_id, position),
    constraint hold_line_hold_fkey foreign key (tenant_id, hold_id) references hold (tenant_id, id),
    constraint hold_line_quantity_check check (quantity > 0 and backordered between 0 and quantity)
);
create index hold_line_item on hold_line (tenant_id, variant_id, location_id, expires_at) where active;
comment on table hold_line is 'retention: as its hold; personal: none';
select tenant_table('hold_line', 'select, insert, update (expires_at, active)', 'select');

-- An ended hold stays as it ended.
create function hold_ends_once() returns trigger language plpgsql as $$
begin
    raise exception 'what has ended cannot change'
        using errcode = 'integrity_constraint_violation', constraint = 'hold_ends_once';
end
$$;
create trigger hold_ends_once before update on hold
    for each row when (old.status <> 'active') execute function hold_ends_once();
create trigger hold_line_ends_once before update on hold_line
    for each row when (not old.active) execute function hold_ends_once();

-- The levels of items as they are at a moment, with where they lie: units of holds that are over count as free.
-- Plain SQL without settings of its own, so that the planner takes it apart and uses the caller's conditions.
create function stock_at(moment timestamptz) returns table (
    tenant_id uuid,
    variant_id uuid,
    location_id uuid,
    location_code text,
    priority integer,
    active boolean,
    on_hand bigint,
    allocated bigint,
    held bigint,
    safety_stock bigint,
    backorder_limit bigint,
    version bigint,
    created_at timestamptz,
    updated_at timestamptz
)
language sql stable as $$
    select i.tenant_id, i.variant_id, i.location_id, l.code, l.priority, l.active, i.on_hand, i.allocated,
        i.held - coalesce(past.units, 0), i.safety_stock, i.backorder_limit, i.version, i.created_at, i.updated_at
    from stock_item i
    join location l on (l.tenant_id, l.id) = (i.tenant_id, i.location_id)
    left join lateral (
        select sum(h.quantity)::bigint as units
        from hold_line h
        where (h.tenant_id, h.variant_id, h.location_id) = (i.tenant_id, i.variant_id, i.location_id)
            and h.active and h.expires_at <= moment
    ) past on true
$$;
