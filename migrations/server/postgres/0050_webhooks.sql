create table webhooks (
    id text collate "C" primary key,                              -- random
    tenant bigint not null references tenants (id),     -- whose
    url text collate "C" not null,                                -- where calls go
    events text collate "C" not null,                             -- for what, between commas
    secret text collate "C" not null,                             -- what calls are signed with, sealed
    state text collate "C" not null,                              -- active, failing, off
    failing_since bigint,                               -- since when no call arrived
    made_by text collate "C" not null,                            -- who made it, as in the record
    person bigint references users (id),                -- who vouches for the private rooms it names
    created_at bigint not null                          -- Unix milliseconds
);
create index webhooks_list on webhooks (tenant, created_at, id);

create table webhook_rooms (
    webhook text collate "C" not null references webhooks (id),   -- which names the room
    room bigint not null references rooms (id),         -- that it names
    primary key (webhook, room)
);
create index webhook_rooms_room on webhook_rooms (room);

create table deliveries (
    id text collate "C" primary key,                              -- UUIDv7
    webhook text collate "C" not null references webhooks (id),   -- that is called
    event text collate "C" not null,                              -- what happened
    room bigint not null references rooms (id),         -- where
    seq bigint not null,                                -- the number of the change
    target bigint,                                      -- the message it is about
    person bigint references users (id),                -- whom it is about
    status text collate "C" not null,                             -- pending, delivered, failed, withheld
    attempts bigint not null,                           -- how often it was tried
    answer bigint,                                      -- the status the last attempt was answered with
    at bigint not null                                  -- Unix milliseconds
);
create index deliveries_list on deliveries (webhook, id);
create index deliveries_old on deliveries (at);
create index deliveries_room on deliveries (room);
