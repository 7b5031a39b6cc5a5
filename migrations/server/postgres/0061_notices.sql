-- What people are told beside their rooms, and how they want to be told. A notice of a message names
-- it and says nothing of its text; whether it is still to be seen is asked when it is read.

create table notices (
    n bigint generated always as identity primary key,                                     -- order of writing
    id text collate "C" not null,                           -- of a message: hash of person, room and seq; else random
    person bigint not null references users (id), -- who is told
    topic text collate "C" not null,                        -- 'mention', 'direct', 'reply', 'keyword', 'reminder', 'scheduled', or a tenant's own
    room bigint,                                  -- of the message
    seq bigint,                                   -- of the message
    payload text collate "C" not null,                      -- JSON that a tenant's backend gave; empty: none
    marked bigint not null,                       -- 1: read with its message, by the mark of the room
    at bigint not null                            -- Unix milliseconds
);
create unique index notices_id on notices (id);
create index notices_person on notices (person, n);
create index notices_message on notices (room, seq) where room is not null;
create index notices_at on notices (at);

create table alerts (
    person bigint primary key references users (id), -- who wants to be told so
    read_n bigint not null,                       -- notices up to this one are read
    quiet_from bigint,                            -- minute of the day at which the quiet hours begin; null: there are none
    quiet_to bigint,                              -- minute of the day at which they end
    quiet_days text collate "C" not null,                   -- days on which they begin, Monday 1 to Sunday 7, joined by ','; empty: each
    zone text collate "C" not null,                         -- name of the time zone of these hours
    digest_minutes bigint not null,               -- unread so long while offline, notices are mailed; 0: never
    digest_n bigint not null,                     -- notices up to this one were mailed
    digest_at bigint not null                     -- when the last mail of them was made, Unix milliseconds; 0: never
);

create table keywords (
    person bigint not null references users (id), -- who wants to hear of it
    place bigint not null,                        -- order in their list
    tenant bigint not null references tenants (id), -- whose person
    word bigint not null,                         -- hash of the first folded word
    text text collate "C" not null,                         -- as they wrote it
    primary key (person, place)
);
create index keywords_word on keywords (tenant, word);

create table reminders (
    id text collate "C" primary key,                        -- random
    person bigint not null references users (id), -- who wants to be reminded
    room bigint not null references rooms (id),   -- of the message
    seq bigint not null,                          -- of the message
    at bigint not null                            -- when, Unix milliseconds
);
create index reminders_list on reminders (person, at, id);
