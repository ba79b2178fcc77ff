-- What a statement writes beside its change is handed over as two arrays: one parameter each, however many there are.

-- An event that is to be told; the columns of outbox.
create type outgoing_event as (
    id uuid,
    shard smallint,
    kind text,
    aggregate text,
    version bigint,
    schema_version smallint,
    actor text,
    occurred_at timestamptz,
    trace text,
    causation uuid,
    data text
);

-- A timer that is to be set, or with neither time nor payload removed.
create type outgoing_alarm as (
    kind text,
    key text,
    run_at timestamptz,
    payload text
);
