-- Something to be done at a time: one row per (tenant, kind, key), moved by scheduling it again, gone when it is done.
--
-- run_at        domain time, from the clock that the caller was given
-- locked_until  wall-clock time of the database: a claim's lease, or the wait after a failure
-- claim         who fires it now; scheduling again clears it, so that the one who fires does not remove the new row
create table timer (
    tenant_id uuid not null,
    kind text not null,
    key text not null,
    run_at timestamptz not null,
    payload text not null,
    attempts integer not null,
    locked_until timestamptz not null,
    claim uuid,
    last_error text,
    constraint timer_pkey primary key (tenant_id, kind, key)
);
create index timer_due on timer (run_at);
comment on table timer is 'retention: until fired or cancelled; personal: none';
select tenant_table('timer', 'select, insert, update, delete', 'select, update, delete');
