-- The local store of one account. Everything in it but `outbox` can be fetched again.
-- A column that may be null says why; a flag is 0 or 1.

-- Facts of the whole store: epoch, own (cursor of my own log), user, server, contact, held, words.
create table sync (
    k text primary key not null,   -- name of the fact
    v text not null                -- its value
) strict, without rowid;

create table rooms (
    room         integer primary key not null, -- room id
    state        text not null default 'joined',   -- joined; left, removed, deleted: kept for unsent texts
    kind         text not null default 'group',    -- direct, group, channel
    name         text not null default '',         -- its name; empty in direct rooms
    topic        text not null default '',         -- its topic
    visibility   text not null default 'private',  -- public, private
    history      text not null default 'all',      -- all, joined
    rev          integer not null default 0,       -- version of the room row
    cursor       integer not null default 0,       -- every change up to here to what is held is applied
    head         integer not null default 0,       -- the highest change known of
    win          integer not null default 0,       -- where the last window ended
    catch_from   integer,                          -- start of an unfinished replay; null: none
    min_seq      integer not null default 1,       -- nothing below is mine to see
    last_n       integer not null default 0,       -- ordinal of the last countable message known of
    read         integer not null default 0,       -- my read mark
    counted      integer not null default 0,       -- the head at which the server counted …
    counted_read integer not null default 0,       -- … from this read mark …
    unread       integer not null default 0,       -- … so many unread messages …
    mentions     integer not null default 0,       -- … and so many that concern me
    unread_mark  integer not null default 0,       -- marked unread by hand
    notified     integer not null default 0,       -- told of, up to here
    notify       text not null default 'all',      -- all, mentions, none
    muted_until  integer,                          -- quiet until then; null: not muted
    favourite    integer not null default 0,       -- kept at the top
    draft        text,                             -- text begun elsewhere or here, confirmed; null: none
    mine_rev     integer not null default 0        -- version of my own row about the room
) strict;

create table messages (
    room      integer not null,             -- room id
    seq       integer not null,             -- position in the room's log
    n         integer not null,             -- ordinal among countable messages; 0: system notice
    sender    integer not null,             -- who
    key       text,                         -- idempotency key; null: system notice
    at        integer not null,             -- server's wall time, for display
    kind      text not null,                -- text, system
    text      text not null,                -- what was said; empty once deleted
    reply     integer,                      -- seq it answers; null: none
    thread    integer,                      -- first message of its thread; null: none
    edited_at integer,                      -- wall time of the last edit; null: never
    deleted   integer not null,             -- it is a tombstone
    pinned    integer not null,             -- it is pinned
    everyone  integer not null,             -- it names everyone
    mentions  text not null,                -- ids it names, JSON
    meta      text not null,                -- free data, JSON
    files     text not null,                -- attachments, JSON
    rev       integer not null,             -- version
    verified  integer not null default 1,   -- 0: held since before a reset
    concerns  integer not null default 0,   -- it names me, answers me, or is direct
    doc       integer,                      -- row of the search index; null: not in it
    primary key (room, seq)
) strict, without rowid;

-- Changed rows alone: for what was stamped again (unread counting, a new epoch).
create index messages_changed on messages (room, rev) where rev > seq;
create index messages_key on messages (key) where key is not null;
create index messages_reply on messages (room, reply) where reply is not null;
create unique index messages_doc on messages (doc) where doc is not null;

create table reactions (
    room  integer not null,   -- room id
    seq   integer not null,   -- the message
    user  integer not null,   -- who
    emoji text not null,      -- which
    held  integer not null,   -- 1: on, 0: taken back
    rev   integer not null,   -- version
    primary key (room, seq, user, emoji)
) strict, without rowid;

create table members (
    room       integer not null,   -- room id
    user       integer not null,   -- who
    role       text not null,      -- member, admin, owner
    joined_seq integer not null,   -- last joining
    left_seq   integer,            -- leaving or removal; null: is a member
    rev        integer not null,   -- version
    primary key (room, user)
) strict, without rowid;

create table users (
    user         integer primary key not null, -- who
    name         text not null,      -- user name
    display_name text not null,      -- as others see them
    avatar       text,               -- media id; null: none
    status       text not null,      -- status text
    bot          integer not null,   -- a program
    guest        integer not null,   -- came by a room code
    deleted      integer not null,   -- closed
    role         text,               -- my own row alone; null: another's
    email        text,               -- my own row alone; null: another's, or none given
    rev          integer not null    -- version
) strict;

create table receipts (
    room      integer not null,   -- room id
    user      integer not null,   -- who
    read      integer not null,   -- read mark
    delivered integer not null,   -- stored on a device of theirs
    primary key (room, user)
) strict, without rowid;

-- Disjoint ranges of a room in which no message is missing.
create table covered (
    room integer not null,   -- room id
    lo   integer not null,   -- first, inclusive
    hi   integer not null,   -- last, inclusive
    primary key (room, lo)
) strict, without rowid;

create table outbox (
    op         integer primary key autoincrement not null, -- place: the order of the acts
    key        text not null unique,   -- idempotency key
    room       integer not null,       -- room id
    kind       text not null,          -- send, edit, delete, react, pin, read, mine, join, leave
    target_seq integer,                -- message it concerns; null: none, or not confirmed yet
    needs_key  text,                   -- operation that must be confirmed first; null: none
    payload    text not null,          -- what it says, JSON
    state      text not null,          -- queued, blocked, sending, waiting, failed, settled
    attempts   integer not null,       -- written before each attempt
    code       text,                   -- why it failed or waits, for programs; null: it did not
    message    text,                   -- the same for people; null: it did not
    at         integer not null,       -- wall time of the act, for display
    born       integer,                -- server time of the act or first contact after; null: no contact yet
    settle     integer                 -- own log position at which it is done with; null: not settled
) strict;

create index outbox_room on outbox (room, kind);
create index outbox_needs on outbox (needs_key) where needs_key is not null;

-- Words of messages.text as `hallway_protocol::words` gives them, kept by this store's own code in
-- the transaction that changes the text. The index holds no text of its own.
create virtual table messages_fts using fts5(
    words, content = '', tokenize = "unicode61 remove_diacritics 0 categories 'L* N* M* Co'",
    prefix = '1 2 3'
);
-- What is deleted leaves the index at once, not at the next merge.
insert into messages_fts (messages_fts, rank) values ('secure-delete', 1);
