-- Slash commands that somebody asked and that are on their way.

create table asks (
    id text primary key,                           -- random; names the call, the same however often it is made
    command text not null,                         -- which is asked; may be taken away before it is
    person integer not null references users (id), -- who asks
    room integer not null references rooms (id),   -- where
    words text not null,                           -- what stands behind it; gone once it was asked
    key blob not null,                             -- of the message that an answer to the room becomes, 16 bytes
    at integer not null                            -- when, Unix milliseconds
) strict;
create index asks_person on asks (person);
