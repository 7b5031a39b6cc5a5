-- What somebody keeps for later: messages put aside, and messages to be said.

create table saved (
    id text collate "C" primary key,                      -- random
    person bigint not null references users (id), -- whose
    room bigint not null references rooms (id),   -- of the message
    seq bigint not null,                          -- of the message
    at bigint not null                            -- when it was put aside, Unix milliseconds
);
create unique index saved_once on saved (person, room, seq);
create index saved_list on saved (person, at, id);

create table scheduled (
    id text collate "C" primary key,                      -- random
    person bigint not null references users (id), -- who will have said it
    room bigint not null references rooms (id),   -- where
    key bytea not null,                        -- of the message it becomes, 16 bytes
    text text collate "C" not null,                       -- what; gone once it is said
    at bigint not null,                           -- when, Unix milliseconds
    error text collate "C",                               -- the code with which it was refused; null: it waits
    made_at bigint not null                       -- Unix milliseconds
);
create unique index scheduled_key on scheduled (person, key);
create index scheduled_list on scheduled (person, at, id);
create index scheduled_made on scheduled (at) where error is not null;
