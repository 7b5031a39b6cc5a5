-- Browsers that hear by Web Push when they are not open. The key by which push services know us lies
-- sealed in meta ('vapid').

create table endpoints (
    id text collate "C" primary key,                        -- random
    person bigint not null references users (id), -- whose browser
    session text collate "C" not null,                      -- it ends with this session
    hash bytea not null,                         -- SHA-256 of its address: the same again is the same one
    host text collate "C" not null,                         -- of its push service, for the list
    sealed text collate "C" not null,                       -- its address and keys, sealed
    at bigint not null                            -- Unix milliseconds
);
create unique index endpoints_hash on endpoints (person, hash);

alter table mine add column pushed bigint not null default 0; -- browsers show something of the room up to this seq; 0: nothing
