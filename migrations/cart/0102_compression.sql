-- As the outbox's documents (platform/0009): compressed by lz4 where the server has it.
do $$
begin
    alter table cart alter column document set compression lz4;
exception
    when feature_not_supported then null;
end
$$;
