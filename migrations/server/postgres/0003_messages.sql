-- What is said in rooms. A message is (room, seq); the table keeps its rows in order of arrival,
-- and the unique key begins with the time-ordered message key: few pages change in a commit.

create table messages (
    room bigint not null references rooms (id), -- whose log numbers it
    seq bigint not null,                        -- position in that log
    rev bigint not null,                        -- number of the change that last wrote it
    n bigint not null,                          -- ordinal among countable messages; 0 for system notices
    kind bigint not null,                       -- 0 text, 1 system notice
    sender bigint not null,                     -- who said or caused it
    at bigint not null,                         -- Unix milliseconds, for display
    key bytea,                                  -- the key its sender gave it, 16 bytes; null for system notices
    text text collate "C" not null,             -- what was said; empty once deleted
    reply bigint,                               -- seq it answers
    thread bigint,                              -- seq of the first message of its thread
    mentions text collate "C" not null,         -- ids of the people it names, joined by comma
    everyone bigint not null,                   -- 1: names everyone in the room
    meta text collate "C" not null,             -- JSON object of its sender, or what a notice says; empty: none
    edited_at bigint,                           -- when the text last changed
    pinned bigint not null,                     -- 1: pinned
    deleted_at bigint,                          -- when it became a tombstone
    primary key (room, seq)
);
create unique index messages_key on messages (key, sender, room);
create index messages_rev on messages (room, rev) where rev <> seq;
create index messages_thread on messages (room, thread, seq) where thread is not null;
create index messages_pinned on messages (room, seq) where pinned = 1;
create index messages_sender on messages (sender, room, seq);

create table mentions (
    room bigint not null,   -- of the message
    person bigint not null, -- whom it concerns: named, or answered; 0: everyone
    seq bigint not null,    -- of the message
    primary key (room, person, seq)
);
create index mentions_seq on mentions (room, seq);

create table reactions (
    room bigint not null,                         -- of the message
    seq bigint not null,                          -- of the message
    person bigint not null references users (id), -- who reacted
    emoji text collate "C" not null,              -- with what
    active bigint not null,                       -- 0 once taken back
    rev bigint not null,                          -- number of the change that last wrote it
    primary key (room, seq, person, emoji),
    foreign key (room, seq) references messages (room, seq)
);
create index reactions_rev on reactions (room, rev);

create table edits (
    room bigint not null,           -- of the message
    seq bigint not null,            -- of the message
    rev bigint not null,            -- version of the message that said this
    text text collate "C" not null, -- what it said until it was edited
    at bigint not null,             -- when that was written
    primary key (room, seq, rev),
    foreign key (room, seq) references messages (room, seq)
);
