-- Rooms, who is in them, and what each member keeps about them.

create table rooms (
    id bigint primary key,                          -- random, below 2^44, never reused
    tenant bigint not null references tenants (id), -- whose room it is
    kind text collate "C" not null,                 -- 'direct', 'group', 'channel'
    name text collate "C" not null,                 -- as shown; empty for direct rooms
    name_folded text collate "C" not null,          -- the same, folded, for finding
    topic text collate "C" not null,                -- what it is about
    visibility text collate "C" not null,           -- 'public' or 'private'
    history text collate "C" not null,              -- newcomers read 'all' or from when they 'joined'
    ephemeral bigint not null,                      -- 1: vanishes when left alone
    sealed bigint not null,                         -- reserved for end-to-end encryption
    people text collate "C",                        -- direct rooms: its people, ascending, joined by ','
    hidden bigint not null,                         -- direct rooms: members from whom it is hidden until the next message
    code text collate "C",                          -- join code, folded; null: none
    head bigint not null,                           -- last number of the room's log
    last_n bigint not null,                         -- ordinal of the last countable message
    base bigint not null,                           -- the head when this epoch began
    rev bigint not null,                            -- number of the change that last wrote the settings
    created_at bigint not null,                     -- Unix milliseconds
    deleted_at bigint                               -- when it was deleted
);
create unique index rooms_people on rooms (tenant, people);
create unique index rooms_code on rooms (tenant, code);
create index rooms_public on rooms (tenant, name_folded, id)
    where visibility = 'public' and deleted_at is null;

create table members (
    room bigint not null references rooms (id),   -- of what
    person bigint not null references users (id), -- who
    role bigint not null,                         -- 0 member, 1 admin, 2 owner
    joined_seq bigint not null,                   -- number of the last joining
    left_seq bigint,                              -- number of the leaving or removal; null: is a member
    rev bigint not null,                          -- number of the change that last wrote this row
    primary key (room, person)
);
create index members_rev on members (room, rev);
create index members_person on members (person, room) where left_seq is null;

create table mine (
    person bigint not null references users (id), -- who keeps it
    room bigint not null references rooms (id),   -- about what
    state text collate "C" not null,              -- 'joined', 'left', 'removed', 'deleted'
    seen bigint not null,                         -- read mark
    delivered bigint not null,                    -- stored on one of the person's devices up to here; never below seen
    unread_mark bigint not null,                  -- 1: marked unread by hand
    notify text collate "C" not null,             -- 'all', 'mentions', 'none'
    muted_until bigint,                           -- quiet until then
    favourite bigint not null,                    -- 1: kept at the top
    draft text collate "C",                       -- text begun and not sent
    rev bigint not null,                          -- own log number of the change that last wrote this row
    primary key (person, room)
);
create index mine_rev on mine (person, rev);
