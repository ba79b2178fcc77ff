-- An account is a customer of Bloom; its environments are the tenants of everything else. One of them is live.
create table account (
    id uuid not null,
    name text not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint account_pkey primary key (id),
    constraint account_name_length check (char_length(name) between 1 and 255)
);
comment on table account is 'retention: for ever; personal: none (the name is that of a business)';

-- The tenant's own row: tenant_id is the environment's id.
create table environment (
    tenant_id uuid not null,
    account_id uuid not null,
    kind text not null,
    name text not null,
    cell text not null,
    time_zone text not null,
    locale text not null,
    currency char(3) not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint environment_pkey primary key (tenant_id),
    constraint environment_account_fkey foreign key (account_id) references account (id),
    constraint environment_kind_known check (kind in ('live', 'sandbox')),
    constraint environment_name_length check (char_length(name) between 1 and 255)
);
create unique index environment_one_live on environment (account_id) where kind = 'live';
create index environment_of_account on environment (account_id, tenant_id);
comment on table environment is 'retention: for ever; personal: none';
select tenant_table('environment', 'select, insert, update', 'select');

-- Two reads go beyond the tenant's own row: every environment reads its account, and the live one reads its sandboxes. The
-- functions bypass row-level security for the row of the current tenant's own environment only.
do $$
declare
    service_role constant text := current_setting('bloom.service_role');
    own constant text := 'tenant_id = nullif(current_setting(''bloom.tenant'', true), '''')::uuid';
    opener constant text := 'create function %I() returns uuid language sql stable security definer '
        'set search_path to %I, pg_temp as %L';
begin
    execute format(opener, 'own_account', current_schema(), 'select account_id from environment where ' || own);
    execute format(opener, 'live_account', current_schema(),
        'select account_id from environment where kind = ''live'' and ' || own);
    execute format('create policy service_sandboxes on environment for select to %I
        using (kind = ''sandbox'' and account_id = (select live_account()))', service_role);
end
$$;

alter table account enable row level security;
select tenant_rows('account');
do $$
declare
    service_role constant text := current_setting('bloom.service_role');
    system_role constant text := current_setting('bloom.system_role');
begin
    execute format('create policy service_own on account for select to %I using (id = (select own_account()))', service_role);
    -- An account is created before its first environment.
    execute format('create policy service_create on account for insert to %I with check (true)', service_role);
    execute format('create policy system_all on account to %I using (true) with check (true)', system_role);
    execute format('grant select, insert on account to %I', service_role);
    execute format('grant select on account to %I', system_role);
end
$$;
