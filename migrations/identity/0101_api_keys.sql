-- A key is found by its digest, HMAC(pepper, SHA-256(key)): the key itself is shown once and stored nowhere.
-- rotated_from and rotated_to chain the keys that replaced each other; a key has one successor at most.
create table api_key (
    tenant_id uuid not null,
    id uuid not null,
    kind text not null,
    mode text not null,
    name text not null,
    hint text not null,
    digest bytea not null,
    scopes text[] not null,
    channel_id uuid,
    expires_at timestamptz,
    revoked_at timestamptz,
    rotated_from uuid,
    rotated_to uuid,
    last_used_at timestamptz,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint api_key_pkey primary key (tenant_id, id),
    constraint api_key_environment_fkey foreign key (tenant_id) references environment (tenant_id),
    constraint api_key_kind_known check (kind in ('secret', 'publishable')),
    constraint api_key_mode_known check (mode in ('live', 'test')),
    constraint api_key_name_length check (char_length(name) between 1 and 100),
    constraint api_key_digest_length check (octet_length(digest) = 32)
);
create unique index api_key_digest on api_key (digest);
create unique index api_key_id on api_key (id);
create unique index api_key_one_successor on api_key (tenant_id, rotated_from) where rotated_from is not null;
comment on table api_key is 'retention: for ever, revoked keys too, as the log names them; personal: none';
select tenant_table('api_key', 'select, insert, update', 'select, update (last_used_at)');

-- The keys that gateways must remove from their caches; gateways poll this list. The row lock of the head makes numbers visible
-- in their order, so that a reader who has seen a number has seen all smaller ones.
create table revocation_head (
    one boolean not null default true,
    seq bigint not null,
    -- Revocations before this time may have been deleted.
    purged_before timestamptz not null default '-infinity',
    constraint revocation_head_pkey primary key (one),
    constraint revocation_head_one check (one)
);
comment on table revocation_head is 'retention: for ever, one row; personal: none';
insert into revocation_head (seq) values (0);

create table revocation (
    tenant_id uuid not null,
    seq bigint not null,
    key_id uuid not null,
    announced_at timestamptz not null,
    constraint revocation_pkey primary key (tenant_id, seq)
);
create unique index revocation_seq on revocation (seq);
comment on table revocation is
    'retention: 7 days, because a gateway that cannot poll drops its cache within a minute; personal: none';
select tenant_table('revocation', 'insert', 'select, delete');

do $$ begin
    execute format('grant select, update on revocation_head to %I', current_setting('bloom.service_role'));
    execute format('grant select, update (purged_before) on revocation_head to %I', current_setting('bloom.system_role'));
end $$;
