-- What a tenant's backend comes with: keys, and the names it has for people.

create table keys (
    id text collate "C" primary key,                -- random; stands in the key itself
    tenant bigint not null references tenants (id), -- whose backend
    name text collate "C" not null,                 -- what it is for
    scopes text collate "C" not null,               -- 'read', 'write', 'act', 'admin', joined by ','
    hash bytea not null,                            -- SHA-256 of the key
    made_by text collate "C" not null,              -- who made it, as the record names them
    created_at bigint not null                      -- Unix milliseconds
);
create index keys_tenant on keys (tenant, id);

create table externals (
    tenant bigint not null references tenants (id), -- whose name for the person
    name text collate "C" not null,                 -- as its backend names them
    person bigint not null references users (id),   -- who
    primary key (tenant, name)
);
create unique index externals_person on externals (tenant, person);
