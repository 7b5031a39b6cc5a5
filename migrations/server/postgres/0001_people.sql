-- Tenants, their people, and what lets people in. Every row belongs to a tenant, by itself or by
-- the person or room it names.

-- A list as a parameter: the same words as SQLite's table-valued function.
create function rarray (bigint[]) returns table (value bigint)
    language sql immutable as 'select unnest($1)';

create table meta (
    name text collate "C" primary key, -- what: 'dataset' (random, made once), 'epoch' (data set and timeline), 'hours' the server has run
    value text collate "C" not null    -- its value
);

create table tenants (
    id bigint primary key,                 -- random, below 2^44
    name text collate "C" not null unique, -- what a person types at sign-in, folded
    title text collate "C" not null,       -- shown to people
    registration text collate "C",         -- 'open', 'invite', 'closed'; null: as the server is configured
    owner_hash bytea,                      -- SHA-256 of the owner token; null once it is spent
    suspended bigint not null,             -- 1: nobody of it may sign in
    created_at bigint not null             -- Unix milliseconds
);

create table users (
    id bigint primary key,                          -- random, below 2^44, never reused
    tenant bigint not null references tenants (id), -- whose person it is
    name text collate "C" not null,                 -- user name as typed; empty once the account is closed
    name_folded text collate "C" not null,          -- the same, folded, for comparing; '#id' once closed
    display_name text collate "C" not null,         -- as others see it
    display_folded text collate "C" not null,       -- the same, folded, for finding
    email text collate "C",                         -- mail address
    email_folded text collate "C",                  -- the same, folded
    avatar text collate "C",                        -- media id of the picture
    status text collate "C" not null,               -- status text
    role bigint not null,                           -- in the tenant: 0 member, 1 admin, 2 owner
    bot bigint not null,                            -- 1: a program
    guest bigint not null,                          -- 1: came by a room code alone
    password text collate "C",                      -- Argon2 hash in PHC form; null: no password sign-in
    head bigint not null,                           -- last number of the own log
    rev bigint not null,                            -- own log number of the change that last wrote the profile
    created_at bigint not null,                     -- Unix milliseconds
    deleted_at bigint                               -- when the account was closed
);
create unique index users_name on users (tenant, name_folded);
create unique index users_email on users (tenant, email_folded);

create table sessions (
    id text collate "C" primary key,              -- random
    person bigint not null references users (id), -- whose device
    device text collate "C" not null,             -- label the device gave itself
    family text collate "C" not null,             -- what its refresh tokens are derived from, with the secret
    generation bigint not null,                   -- generation of the refresh token that was last proven used
    hash bytea not null,                          -- SHA-256 of the refresh token of that generation
    next_hash bytea,                              -- of its successor, once that was given out
    created_at bigint not null,                   -- Unix milliseconds
    seen_at bigint not null,                      -- last use, for display
    used_hour bigint not null,                    -- last use, in hours the server has run: what ages it
    ended_at bigint,                              -- when it was signed out
    rev bigint not null                           -- own log number of the change that last wrote it
);
create index sessions_person on sessions (person, rev);
create index sessions_used on sessions (used_hour) where ended_at is null;
create index sessions_ended on sessions (used_hour) where ended_at is not null;

create table invites (
    id text collate "C" primary key,                -- random, for lists
    tenant bigint not null references tenants (id), -- where it leads
    hash bytea not null,                            -- SHA-256 of the code
    made_by bigint not null references users (id),  -- who invited
    room bigint,                                    -- the newcomer becomes a member of it; null: of none
    uses_left bigint not null,                      -- how often it still opens
    expires_at bigint,                              -- when it stops; null: never
    created_at bigint not null                      -- Unix milliseconds
);
create unique index invites_hash on invites (tenant, hash);

create table ops (
    person bigint not null references users (id), -- who acted
    key bytea not null,                           -- the idempotency key, 16 bytes
    kind text collate "C" not null,               -- what was done: 'edit', 'room', …
    target text collate "C" not null,             -- to what: 'room:seq' and the like; never a text of a person
    room bigint,                                  -- whose log took the change
    seq bigint,                                   -- number of the change
    answer text collate "C" not null,             -- JSON of ids from which the first answer is made again
    made_hour bigint not null,                    -- when, in hours the server has run; kept 30 days of them
    primary key (person, key)
);
create index ops_made on ops (made_hour);

create table storage (
    person bigint not null references users (id), -- whose private value
    name text collate "C" not null,               -- its key
    value text collate "C" not null,              -- JSON, at most 64 KiB
    primary key (person, name)
);
