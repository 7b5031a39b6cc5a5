-- How a tenant is set up, and what was done under the keys of those who are no person.

alter table tenants add column config text not null default '{}'; -- JSON: limits, flags, origins; what is absent is as the server is
alter table tenants add column rev integer not null default 1;    -- grows with each change: an older answer does not replace a newer one
alter table tenants add column erased_at integer;                 -- when its erasure was asked for; it is not there any more

create table deeds (
    actor text not null,        -- who acted: 'operator', 'key:…', a person's id
    key blob not null,          -- the idempotency key, 16 bytes
    kind text not null,         -- what was done: 'tenant', 'key', …
    target text not null,       -- to what
    answer text not null,       -- the id from which the first answer is made again
    made_hour integer not null, -- when, in hours the server has run; kept 30 days of them
    primary key (actor, key)
) strict;
create index deeds_made on deeds (made_hour);
