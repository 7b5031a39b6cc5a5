-- Tenants, their people, and what lets people in. Every row belongs to a tenant, by itself or by
-- the person or room it names.

create table meta (
    name text primary key, -- what: 'dataset' (random, made once), 'epoch' (data set and timeline), 'hours' the server has run
    value text not null    -- its value
) strict;

create table tenants (
    id integer primary key,     -- random, below 2^44
    name text not null unique,  -- what a person types at sign-in, folded
    title text not null,        -- shown to people
    registration text,          -- 'open', 'invite', 'closed'; null: as the server is configured
    owner_hash blob,            -- SHA-256 of the owner token; null once it is spent
    suspended integer not null, -- 1: nobody of it may sign in
    created_at integer not null -- Unix milliseconds
) strict;

create table users (
    id integer primary key,                          -- random, below 2^44, never reused
    tenant integer not null references tenants (id), -- whose person it is
    name text not null,                              -- user name as typed; empty once the account is closed
    name_folded text not null,                       -- the same, folded, for comparing; '#id' once closed
    display_name text not null,                      -- as others see it
    display_folded text not null,                    -- the same, folded, for finding
    email text,                                      -- mail address
    email_folded text,                               -- the same, folded
    avatar text,                                     -- media id of the picture
    status text not null,                            -- status text
    role integer not null,                           -- in the tenant: 0 member, 1 admin, 2 owner
    bot integer not null,                            -- 1: a program
    guest integer not null,                          -- 1: came by a room code alone
    password text,                                   -- Argon2 hash in PHC form; null: no password sign-in
    head integer not null,                           -- last number of the own log
    rev integer not null,                            -- own log number of the change that last wrote the profile
    created_at integer not null,                     -- Unix milliseconds
    deleted_at integer                               -- when the account was closed
) strict;
create unique index users_name on users (tenant, name_folded);
create unique index users_email on users (tenant, email_folded);

create table sessions (
    id text primary key,                           -- random
    person integer not null references users (id), -- whose device
    device text not null,                          -- label the device gave itself
    family text not null,                          -- what its refresh tokens are derived from, with the secret
    generation integer not null,                   -- generation of the refresh token that was last proven used
    hash blob not null,                            -- SHA-256 of the refresh token of that generation
    next_hash blob,                                -- of its successor, once that was given out
    created_at integer not null,                   -- Unix milliseconds
    seen_at integer not null,                      -- last use, for display
    used_hour integer not null,                    -- last use, in hours the server has run: what ages it
    ended_at integer,                              -- when it was signed out
    rev integer not null                           -- own log number of the change that last wrote it
) strict;
create index sessions_person on sessions (person, rev);
create index sessions_used on sessions (used_hour) where ended_at is null;
create index sessions_ended on sessions (used_hour) where ended_at is not null;

create table invites (
    id text primary key,                             -- random, for lists
    tenant integer not null references tenants (id), -- where it leads
    hash blob not null,                              -- SHA-256 of the code
    made_by integer not null references users (id),  -- who invited
    room integer,                                    -- the newcomer becomes a member of it; null: of none
    uses_left integer not null,                      -- how often it still opens
    expires_at integer,                              -- when it stops; null: never
    created_at integer not null                      -- Unix milliseconds
) strict;
create unique index invites_hash on invites (tenant, hash);

create table ops (
    person integer not null references users (id), -- who acted
    key blob not null,                             -- the idempotency key, 16 bytes
    kind text not null,                            -- what was done: 'edit', 'room', …
    target text not null,                          -- to what: 'room:seq' and the like; never a text of a person
    room integer,                                  -- whose log took the change
    seq integer,                                   -- number of the change
    answer text not null,                          -- JSON of ids from which the first answer is made again
    made_hour integer not null,                    -- when, in hours the server has run; kept 30 days of them
    primary key (person, key)
) strict;
create index ops_made on ops (made_hour);

create table storage (
    person integer not null references users (id), -- whose private value
    name text not null,                            -- its key
    value text not null,                           -- JSON, at most 64 KiB
    primary key (person, name)
) strict;
