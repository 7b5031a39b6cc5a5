-- Previews of links. The address itself is not kept: it stood in a message, which may be deleted.

create table previews (
    tenant integer not null references tenants (id),     -- whose
    hash blob not null,                               -- SHA-256 of the address
    title text,                                       -- of the page; null: there is nothing to show
    description text,                                 -- of the page
    expires_at integer not null,                         -- Unix milliseconds
    primary key (tenant, hash)
) strict;
create index previews_old on previews (expires_at);
