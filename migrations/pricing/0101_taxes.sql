-- Tax classes, zones and rates, and how a tenant calculates.

create table settings (
    tenant_id uuid not null,
    rounding text not null,
    -- Whether base lists created on demand hold prices that include tax.
    base_lists_gross boolean not null,
    -- Counts every change that a calculation of tax may notice. A cached tax table is valid for one count.
    tax_version bigint not null,
    version bigint not null,
    updated_at timestamptz not null,
    primary key (tenant_id),
    constraint settings_rounding_check check (rounding in ('half_up', 'half_even', 'half_down'))
);
select tenant_table('settings');
comment on table settings is 'retention: as long as the tenant; personal: none';

create table tax_class (
    tenant_id uuid not null,
    id uuid not null,
    code text not null,
    name text not null,
    is_default boolean not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (tenant_id, id),
    constraint tax_class_code_key unique (tenant_id, code)
);
create unique index tax_class_default_key on tax_class (tenant_id) where is_default;
select tenant_table('tax_class');
comment on table tax_class is 'retention: as long as the tenant, products refer to it; personal: none';

create table tax_zone (
    tenant_id uuid not null,
    id uuid not null,
    name text not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (tenant_id, id)
);
select tenant_table('tax_zone');
comment on table tax_zone is 'retention: until deleted by the tenant; personal: none';

-- What a zone covers. An area belongs to one zone, so an address has one zone: that of the narrowest area that covers it.
create table tax_zone_area (
    tenant_id uuid not null,
    country char(2) not null,
    -- Empty: the whole country.
    region text not null,
    -- Empty: every postal code.
    postal_prefix text not null,
    zone_id uuid not null,
    constraint tax_zone_area_key primary key (tenant_id, country, region, postal_prefix),
    constraint tax_zone_area_zone_fk foreign key (tenant_id, zone_id) references tax_zone (tenant_id, id) on delete cascade
);
create index tax_zone_area_zone on tax_zone_area (tenant_id, zone_id);
select tenant_table('tax_zone_area');
comment on table tax_zone_area is 'retention: as long as its zone; personal: none';

create table tax_rate (
    tenant_id uuid not null,
    id uuid not null,
    zone_id uuid not null,
    class_id uuid not null,
    name text not null,
    rate_ppm integer not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (tenant_id, id),
    constraint tax_rate_zone_fk foreign key (tenant_id, zone_id) references tax_zone (tenant_id, id),
    constraint tax_rate_class_fk foreign key (tenant_id, class_id) references tax_class (tenant_id, id),
    constraint tax_rate_name_key unique (tenant_id, zone_id, class_id, name),
    constraint tax_rate_ppm_check check (rate_ppm between 0 and 1000000)
);
select tenant_table('tax_rate');
comment on table tax_rate is 'retention: until deleted by the tenant; personal: none';
