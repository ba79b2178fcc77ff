-- The ledger: double entry, append-only, and refused by the database itself when it does not add up.
--
-- Accounts, one set per tenant and currency. Debits are positive, credits negative.
--   authorised_receivable     authorised by payers' banks and not yet captured (memorandum)
--   authorisation_commitment  its counterpart (memorandum)
--   provider_clearing         captured by the provider, who owes it to the merchant
--   customer_liability        owed to customers for money captured: goods, or the money back
--
-- Movements:
--   authorise A   authorised_receivable +A      authorisation_commitment -A
--   capture C     authorisation_commitment +C   authorised_receivable -C
--                 provider_clearing +C          customer_liability -C
--   void V        authorisation_commitment +V   authorised_receivable -V
--   refund R      customer_liability +R         provider_clearing -R
-- A movement that the provider takes back is the same journal with every sign reversed; reverses names the first one.
create table journal (
    tenant_id uuid not null,
    id uuid not null,
    operation_id uuid not null,
    payment_id uuid not null,
    kind text not null,
    reverses uuid,
    entry_count smallint not null,
    actor text not null,
    posted_at timestamptz not null,
    constraint journal_pkey primary key (tenant_id, id),
    constraint journal_operation_key unique (tenant_id, operation_id),
    constraint journal_operation_fkey foreign key (tenant_id, operation_id) references operation,
    constraint journal_payment_fkey foreign key (tenant_id, payment_id) references payment,
    constraint journal_reverses_fkey foreign key (tenant_id, reverses) references journal,
    constraint journal_kind_known check (kind in ('authorise', 'capture', 'void', 'refund')),
    constraint journal_has_two_sides check (entry_count >= 2)
);
create index journal_by_payment on journal (tenant_id, payment_id, id);
comment on table journal is 'retention: for ever, this is the ledger; personal: none';
select tenant_table('journal', 'select, insert', 'select');

create table entry (
    tenant_id uuid not null,
    journal_id uuid not null,
    line smallint not null,
    account text not null,
    currency char(3) not null,
    amount bigint not null,
    constraint entry_pkey primary key (tenant_id, journal_id, line),
    constraint entry_journal_fkey foreign key (tenant_id, journal_id) references journal,
    constraint entry_account_known check (account in (
        'authorised_receivable', 'authorisation_commitment', 'provider_clearing', 'customer_liability')),
    constraint entry_amount_not_zero check (amount <> 0)
);
comment on table entry is 'retention: for ever, this is the ledger; personal: none';
select tenant_table('entry', 'select, insert', 'select');

-- At commit each journal that was touched must hold all its entries, of its own tenant, adding up to zero in every
-- currency. The count also closes a journal for good: nothing can be added to it later. The check runs as the owner, who
-- sees all rows, so that no setting of the session can hide some from it.
create function journal_check(tenant uuid, journal uuid) returns void language plpgsql as $$
declare
    expected bigint;
    present bigint;
    balanced boolean;
begin
    select j.entry_count into expected from journal j where j.tenant_id = tenant and j.id = journal_check.journal;
    select coalesce(sum(side.entries), 0), coalesce(bool_and(side.total = 0), true) into present, balanced
    from (select count(*) as entries, sum(e.amount) as total
          from entry e where e.tenant_id = tenant and e.journal_id = journal_check.journal group by e.currency) side;
    if present is distinct from expected then
        raise exception 'journal % holds % entries instead of %', journal_check.journal, present, expected
            using errcode = 'check_violation', constraint = 'journal_complete';
    end if;
    if not balanced then
        raise exception 'journal % does not add up to zero', journal_check.journal
            using errcode = 'check_violation', constraint = 'journal_balanced';
    end if;
end
$$;

create function journal_checked() returns trigger language plpgsql security definer as $$
begin
    perform journal_check(new.tenant_id, new.id);
    return null;
end
$$;

create function entry_checked() returns trigger language plpgsql security definer as $$
begin
    perform journal_check(new.tenant_id, new.journal_id);
    return null;
end
$$;

-- The owner's search path for every caller; temporary tables last, so that none can replace a ledger table.
do $$
declare
    fn text;
begin
    foreach fn in array array['journal_check(uuid, uuid)', 'journal_checked()', 'entry_checked()'] loop
        execute format('alter function %s set search_path = %I, pg_temp', fn, current_schema());
        execute format('revoke all on function %s from public', fn);
    end loop;
end
$$;

create constraint trigger journal_checked after insert or update on journal
    deferrable initially deferred for each row execute function journal_checked();
create constraint trigger entry_checked after insert or update on entry
    deferrable initially deferred for each row execute function entry_checked();
