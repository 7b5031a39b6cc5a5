-- What somebody keeps for later: messages put aside, and messages to be said.

create table saved (
    id text primary key,                      -- random
    person integer not null references users (id), -- whose
    room integer not null references rooms (id),   -- of the message
    seq integer not null,                          -- of the message
    at integer not null                            -- when it was put aside, Unix milliseconds
) strict;
create unique index saved_once on saved (person, room, seq);
create index saved_list on saved (person, at, id);

create table scheduled (
    id text primary key,                      -- random
    person integer not null references users (id), -- who will have said it
    room integer not null references rooms (id),   -- where
    key blob not null,                        -- of the message it becomes, 16 bytes
    text text not null,                       -- what; gone once it is said
    at integer not null,                           -- when, Unix milliseconds
    error text,                               -- the code with which it was refused; null: it waits
    made_at integer not null                       -- Unix milliseconds
) strict;
create unique index scheduled_key on scheduled (person, key);
create index scheduled_list on scheduled (person, at, id);
create index scheduled_made on scheduled (at) where error is not null;
