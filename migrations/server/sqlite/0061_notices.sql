-- What people are told beside their rooms, and how they want to be told. A notice of a message names
-- it and says nothing of its text; whether it is still to be seen is asked when it is read.

create table notices (
    n integer primary key autoincrement,                                     -- order of writing
    id text not null,                           -- of a message: hash of person, room and seq; else random
    person integer not null references users (id), -- who is told
    topic text not null,                        -- 'mention', 'direct', 'reply', 'keyword', 'reminder', 'scheduled', or a tenant's own
    room integer,                                  -- of the message
    seq integer,                                   -- of the message
    payload text not null,                      -- JSON that a tenant's backend gave; empty: none
    marked integer not null,                       -- 1: read with its message, by the mark of the room
    at integer not null                            -- Unix milliseconds
) strict;
create unique index notices_id on notices (id);
create index notices_person on notices (person, n);
create index notices_message on notices (room, seq) where room is not null;
create index notices_at on notices (at);

create table alerts (
    person integer primary key references users (id), -- who wants to be told so
    read_n integer not null,                       -- notices up to this one are read
    quiet_from integer,                            -- minute of the day at which the quiet hours begin; null: there are none
    quiet_to integer,                              -- minute of the day at which they end
    quiet_days text not null,                   -- days on which they begin, Monday 1 to Sunday 7, joined by ','; empty: each
    zone text not null,                         -- name of the time zone of these hours
    digest_minutes integer not null,               -- unread so long while offline, notices are mailed; 0: never
    digest_n integer not null,                     -- notices up to this one were mailed
    digest_at integer not null                     -- when the last mail of them was made, Unix milliseconds; 0: never
) strict;

create table keywords (
    person integer not null references users (id), -- who wants to hear of it
    place integer not null,                        -- order in their list
    tenant integer not null references tenants (id), -- whose person
    word integer not null,                         -- hash of the first folded word
    text text not null,                         -- as they wrote it
    primary key (person, place)
) strict;
create index keywords_word on keywords (tenant, word);

create table reminders (
    id text primary key,                        -- random
    person integer not null references users (id), -- who wants to be reminded
    room integer not null references rooms (id),   -- of the message
    seq integer not null,                          -- of the message
    at integer not null                            -- when, Unix milliseconds
) strict;
create index reminders_list on reminders (person, at, id);
