-- Every table of a tenant passes through tenant_table(): one place decides who sees which row.
--
-- The migrator runs these files in the schema of one service, as its owner, and names the two roles that may enter:
--   bloom.service_role  sees the rows of the tenant that the connection was set to, and none before that;
--   bloom.system_role   sees all rows: relay, timers, look-up of keys, checks.
-- The owner sees all rows too, by a policy and not by an exemption: row-level security is forced.

create function tenant_rows(name text) returns void
language plpgsql as $$
begin
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy owner_all on %I to current_user using (true) with check (true)', name);
end
$$;

create function tenant_table(
    name text,
    rights text default 'select, insert, update, delete',
    system_rights text default null
) returns void
language plpgsql as $$
declare
    service_role constant text := current_setting('bloom.service_role');
    system_role constant text := current_setting('bloom.system_role');
    own_rows constant text := 'tenant_id = nullif(current_setting(''bloom.tenant'', true), '''')::uuid';
begin
    perform tenant_rows(name);
    execute format('create policy service_tenant on %I to %I using (%s) with check (%3$s)', name, service_role, own_rows);
    execute format('create policy system_all on %I to %I using (true) with check (true)', name, system_role);
    execute format('grant %s on %I to %I', rights, name, service_role);
    execute format('grant %s on %I to %I', coalesce(system_rights, rights), name, system_role);
end
$$;
