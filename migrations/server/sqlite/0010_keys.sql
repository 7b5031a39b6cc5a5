-- What a tenant's backend comes with: keys, and the names it has for people.

create table keys (
    id text primary key,                             -- random; stands in the key itself
    tenant integer not null references tenants (id), -- whose backend
    name text not null,                              -- what it is for
    scopes text not null,                            -- 'read', 'write', 'act', 'admin', joined by ','
    hash blob not null,                              -- SHA-256 of the key
    made_by text not null,                           -- who made it, as the record names them
    created_at integer not null                      -- Unix milliseconds
) strict;
create index keys_tenant on keys (tenant, id);

create table externals (
    tenant integer not null references tenants (id), -- whose name for the person
    name text not null,                              -- as its backend names them
    person integer not null references users (id),   -- who
    primary key (tenant, name)
) strict;
create unique index externals_person on externals (tenant, person);
