-- What is said in rooms. A message is (room, seq); the table keeps its rows in order of arrival,
-- and the unique key begins with the time-ordered message key: few pages change in a commit.

create table messages (
    room integer not null references rooms (id), -- whose log numbers it
    seq integer not null,                        -- position in that log
    rev integer not null,                        -- number of the change that last wrote it
    n integer not null,                          -- ordinal among countable messages; 0 for system notices
    kind integer not null,                       -- 0 text, 1 system notice
    sender integer not null,                     -- who said or caused it
    at integer not null,                         -- Unix milliseconds, for display
    key blob,                                    -- the key its sender gave it, 16 bytes; null for system notices
    text text not null,                          -- what was said; empty once deleted
    reply integer,                               -- seq it answers
    thread integer,                              -- seq of the first message of its thread
    mentions text not null,                      -- ids of the people it names, joined by comma
    everyone integer not null,                   -- 1: names everyone in the room
    meta text not null,                          -- JSON object of its sender, or what a notice says; empty: none
    edited_at integer,                           -- when the text last changed
    pinned integer not null,                     -- 1: pinned
    deleted_at integer,                          -- when it became a tombstone
    primary key (room, seq)
) strict;
create unique index messages_key on messages (key, sender, room);
create index messages_rev on messages (room, rev) where rev <> seq;
create index messages_thread on messages (room, thread, seq) where thread is not null;
create index messages_pinned on messages (room, seq) where pinned = 1;
create index messages_sender on messages (sender, room, seq);

create table mentions (
    room integer not null,   -- of the message
    person integer not null, -- whom it concerns: named, or answered; 0: everyone
    seq integer not null,    -- of the message
    primary key (room, person, seq)
) strict;
create index mentions_seq on mentions (room, seq);

create table reactions (
    room integer not null,                         -- of the message
    seq integer not null,                          -- of the message
    person integer not null references users (id), -- who reacted
    emoji text not null,                           -- with what
    active integer not null,                       -- 0 once taken back
    rev integer not null,                          -- number of the change that last wrote it
    primary key (room, seq, person, emoji),
    foreign key (room, seq) references messages (room, seq)
) strict;
create index reactions_rev on reactions (room, rev);

create table edits (
    room integer not null, -- of the message
    seq integer not null,  -- of the message
    rev integer not null,  -- version of the message that said this
    text text not null,    -- what it said until it was edited
    at integer not null,   -- when that was written
    primary key (room, seq, rev),
    foreign key (room, seq) references messages (room, seq)
) strict;
