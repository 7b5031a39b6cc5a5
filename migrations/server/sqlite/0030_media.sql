-- Files: what somebody uploaded, where its bytes lie, and which messages carry it.

create table media (
    id text primary key,                             -- random; its name on the wire
    tenant integer not null references tenants (id), -- whose people may ever see it
    person integer not null references users (id),   -- who uploads it
    state text not null,                             -- 'new': bytes are awaited; 'ready'; 'gone': it expired
    name text not null,                              -- as its uploader calls it; empty once it is gone
    type text not null,                              -- media type: as it was said, once ready by content
    size integer not null,                           -- bytes: as was said, once ready those that are served
    sha256 blob not null,                            -- of those bytes, 32 of them
    width integer,                                   -- pixels; null: no picture
    height integer,                                  -- pixels; null: no picture
    thumb text,                                      -- media type of its thumbnail; null: none is there yet
    place text not null,                             -- where its objects lie: tenant, then something random
    parts integer not null,                          -- in how many parts its bytes come; 0: in one piece
    created_at integer not null,                     -- Unix milliseconds
    due_hour integer                                 -- hour of the server in which it ends; null: something refers to it
) strict;
create index media_person on media (person, state);
create index media_tenant on media (tenant, size);
create index media_due on media (due_hour) where due_hour is not null;

create table attachments (
    media text not null references media (id), -- what a message carries
    room integer not null,                     -- of the message
    seq integer not null,                      -- of the message
    primary key (media, room, seq)
) strict;
create index attachments_seq on attachments (room, seq);

alter table messages add column files text not null default ''; -- JSON list of what it carries, as rows have it; empty: nothing
create index users_avatar on users (avatar) where avatar is not null;
