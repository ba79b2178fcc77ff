-- The processes that relay events at the moment, those without a shard too: each takes its even share of them.
create table relay_owner (
    owner text not null,
    live_until timestamptz not null,
    constraint relay_owner_pkey primary key (owner)
) with (fillfactor = 50);
comment on table relay_owner is 'retention: until the process stops, or has been silent for the time of a lease; personal: none';

do $$ begin
    execute format('grant select, insert, update, delete on relay_owner to %I', current_setting('bloom.system_role'));
end $$;
