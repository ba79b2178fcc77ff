create table source (
    tenant_id uuid not null,
    id text not null,
    version bigint not null,
    value text not null,
    primary key (tenant_id, id)
);
select tenant_table('source');

create table projection (
    tenant_id uuid not null,
    id text not null,
    version bigint not null,
    value text not null,
    primary key (tenant_id, id)
);
select tenant_table('projection');

create table applied (
    tenant_id uuid not null,
    seq bigint generated always as identity,
    id text not null,
    version bigint not null,
    primary key (tenant_id, seq)
);
select tenant_table('applied');
