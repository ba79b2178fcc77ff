-- Bulk import. The uploaded lines are spooled in chunks while they arrive; a timer applies chunk after chunk, each in one
-- transaction with its checkpoint, so that a killed import resumes at its last commit.

-- status        receiving, running, completed, failed
-- next_chunk    the first chunk that is not applied to the catalogue yet
-- digest        SHA-256 of the whole upload, which distinguishes another body when the idempotency key is used again; null
--               until the upload is complete
create table import_job (
    tenant_id uuid not null,
    id uuid not null,
    idempotency_key text,
    status text not null,
    failure text,
    bytes bigint not null,
    lines bigint not null,
    chunks integer not null,
    next_chunk integer not null,
    lines_applied bigint not null,
    lines_failed bigint not null,
    products_created bigint not null,
    products_updated bigint not null,
    finished_at timestamptz,
    digest bytea,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint import_job_pkey primary key (tenant_id, id),
    constraint import_job_idempotency_key unique (tenant_id, idempotency_key),
    constraint import_job_status_check check (status in ('receiving', 'running', 'completed', 'failed'))
);
comment on table import_job is 'retention: 30 days after its end; personal: none';
select tenant_table('import_job');

-- body  the lines as they arrived, until they are applied
-- push  prices and stock of the applied lines, until they are passed on to pricing and inventory
create table import_chunk (
    tenant_id uuid not null,
    import_id uuid not null,
    seq integer not null,
    first_line bigint not null,
    lines integer not null,
    body bytea,
    push text,
    constraint import_chunk_pkey primary key (tenant_id, import_id, seq),
    constraint import_chunk_job_fkey foreign key (tenant_id, import_id)
        references import_job (tenant_id, id) on delete cascade
);
comment on table import_chunk is 'retention: until applied; personal: none';
select tenant_table('import_chunk');

-- The report: errors of lines, numbered within the line.
create table import_error (
    tenant_id uuid not null,
    import_id uuid not null,
    line bigint not null,
    nr integer not null,
    pointer text not null,
    code text not null,
    message text not null,
    constraint import_error_pkey primary key (tenant_id, import_id, line, nr),
    constraint import_error_job_fkey foreign key (tenant_id, import_id)
        references import_job (tenant_id, id) on delete cascade
);
comment on table import_error is 'retention: as the import; personal: none';
select tenant_table('import_error');
