-- Browsers that hear by Web Push when they are not open. The key by which push services know us lies
-- sealed in meta ('vapid').

create table endpoints (
    id text primary key,                        -- random
    person integer not null references users (id), -- whose browser
    session text not null,                      -- it ends with this session
    hash blob not null,                         -- SHA-256 of its address: the same again is the same one
    host text not null,                         -- of its push service, for the list
    sealed text not null,                       -- its address and keys, sealed
    at integer not null                            -- Unix milliseconds
) strict;
create unique index endpoints_hash on endpoints (person, hash);

alter table mine add column pushed integer not null default 0; -- browsers show something of the room up to this seq; 0: nothing
