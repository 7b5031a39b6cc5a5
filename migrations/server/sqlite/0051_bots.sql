-- Bots: people who are programs and sign in by a key; and what may be said into a room by an address.

alter table keys add column person integer references users (id); -- the bot that signs in by it; null: the key is a backend's
create index keys_person on keys (person);

create table hooks (
    id text primary key,                              -- random
    tenant integer not null references tenants (id),     -- whose
    room integer not null references rooms (id),         -- into which it speaks
    person integer not null references users (id),       -- as whom it speaks
    name text not null,                               -- what it is for
    hash blob not null,                               -- SHA-256 of the token in its address
    made_by integer not null references users (id),      -- who made it
    created_at integer not null                          -- Unix milliseconds
) strict;
create unique index hooks_hash on hooks (hash);
create index hooks_room on hooks (room, created_at, id);
