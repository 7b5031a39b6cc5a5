-- Previews of links. The address itself is not kept: it stood in a message, which may be deleted.

create table previews (
    tenant bigint not null references tenants (id),     -- whose
    hash bytea not null,                               -- SHA-256 of the address
    title text collate "C",                                       -- of the page; null: there is nothing to show
    description text collate "C",                                 -- of the page
    expires_at bigint not null,                         -- Unix milliseconds
    primary key (tenant, hash)
);
create index previews_old on previews (expires_at);
