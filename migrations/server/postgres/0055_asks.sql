-- Slash commands that somebody asked and that are on their way.

create table asks (
    id text collate "C" primary key,                           -- random; names the call, the same however often it is made
    command text collate "C" not null,                         -- which is asked; may be taken away before it is
    person bigint not null references users (id), -- who asks
    room bigint not null references rooms (id),   -- where
    words text collate "C" not null,                           -- what stands behind it; gone once it was asked
    key bytea not null,                             -- of the message that an answer to the room becomes, 16 bytes
    at bigint not null                            -- when, Unix milliseconds
);
create index asks_person on asks (person);
