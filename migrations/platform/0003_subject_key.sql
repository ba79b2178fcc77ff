-- The key that seals one data subject's personal columns in this service, wrapped by the service's master key.
-- An erasure empties it: what was sealed stays where it is and can never be read again.
create table subject_key (
    tenant_id uuid not null,
    subject_id uuid not null,
    wrapped bytea,
    created_at timestamptz not null,
    erased_at timestamptz,
    constraint subject_key_pkey primary key (tenant_id, subject_id),
    constraint subject_key_erased check ((wrapped is null) = (erased_at is not null))
);
comment on table subject_key is
    'retention: the row for ever, as proof of the erasure, the key until the erasure; personal: wrapped';
select tenant_table('subject_key', 'select, insert, update', 'select, update');
