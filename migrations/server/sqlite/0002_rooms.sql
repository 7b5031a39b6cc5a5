-- Rooms, who is in them, and what each member keeps about them.

create table rooms (
    id integer primary key,                          -- random, below 2^44, never reused
    tenant integer not null references tenants (id), -- whose room it is
    kind text not null,                              -- 'direct', 'group', 'channel'
    name text not null,                              -- as shown; empty for direct rooms
    name_folded text not null,                       -- the same, folded, for finding
    topic text not null,                             -- what it is about
    visibility text not null,                        -- 'public' or 'private'
    history text not null,                           -- newcomers read 'all' or from when they 'joined'
    ephemeral integer not null,                      -- 1: vanishes when left alone
    sealed integer not null,                         -- reserved for end-to-end encryption
    people text,                                     -- direct rooms: its people, ascending, joined by ','
    hidden integer not null,                         -- direct rooms: members from whom it is hidden until the next message
    code text,                                       -- join code, folded; null: none
    head integer not null,                           -- last number of the room's log
    last_n integer not null,                         -- ordinal of the last countable message
    base integer not null,                           -- the head when this epoch began
    rev integer not null,                            -- number of the change that last wrote the settings
    created_at integer not null,                     -- Unix milliseconds
    deleted_at integer                               -- when it was deleted
) strict;
create unique index rooms_people on rooms (tenant, people);
create unique index rooms_code on rooms (tenant, code);
create index rooms_public on rooms (tenant, name_folded, id)
    where visibility = 'public' and deleted_at is null;

create table members (
    room integer not null references rooms (id),   -- of what
    person integer not null references users (id), -- who
    role integer not null,                         -- 0 member, 1 admin, 2 owner
    joined_seq integer not null,                   -- number of the last joining
    left_seq integer,                              -- number of the leaving or removal; null: is a member
    rev integer not null,                          -- number of the change that last wrote this row
    primary key (room, person)
) strict;
create index members_rev on members (room, rev);
create index members_person on members (person, room) where left_seq is null;

create table mine (
    person integer not null references users (id), -- who keeps it
    room integer not null references rooms (id),   -- about what
    state text not null,                           -- 'joined', 'left', 'removed', 'deleted'
    seen integer not null,                         -- read mark
    delivered integer not null,                    -- stored on one of the person's devices up to here; never below seen
    unread_mark integer not null,                  -- 1: marked unread by hand
    notify text not null,                          -- 'all', 'mentions', 'none'
    muted_until integer,                           -- quiet until then
    favourite integer not null,                    -- 1: kept at the top
    draft text,                                    -- text begun and not sent
    rev integer not null,                          -- own log number of the change that last wrote this row
    primary key (person, room)
) strict;
create index mine_rev on mine (person, rev);
