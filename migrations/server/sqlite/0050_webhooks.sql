create table webhooks (
    id text primary key,                              -- random
    tenant integer not null references tenants (id),     -- whose
    url text not null,                                -- where calls go
    events text not null,                             -- for what, between commas
    secret text not null,                             -- what calls are signed with, sealed
    state text not null,                              -- active, failing, off
    failing_since integer,                               -- since when no call arrived
    made_by text not null,                            -- who made it, as in the record
    person integer references users (id),                -- who vouches for the private rooms it names
    created_at integer not null                          -- Unix milliseconds
) strict;
create index webhooks_list on webhooks (tenant, created_at, id);

create table webhook_rooms (
    webhook text not null references webhooks (id),   -- which names the room
    room integer not null references rooms (id),         -- that it names
    primary key (webhook, room)
) strict;
create index webhook_rooms_room on webhook_rooms (room);

create table deliveries (
    id text primary key,                              -- UUIDv7
    webhook text not null references webhooks (id),   -- that is called
    event text not null,                              -- what happened
    room integer not null references rooms (id),         -- where
    seq integer not null,                                -- the number of the change
    target integer,                                      -- the message it is about
    person integer references users (id),                -- whom it is about
    status text not null,                             -- pending, delivered, failed, withheld
    attempts integer not null,                           -- how often it was tried
    answer integer,                                      -- the status the last attempt was answered with
    at integer not null                                  -- Unix milliseconds
) strict;
create index deliveries_list on deliveries (webhook, id);
create index deliveries_old on deliveries (at);
create index deliveries_room on deliveries (room);
