-- What moderators need: what was reported to them, whom they keep out, and why they deleted.

create table reports (
    id text primary key,                              -- random
    tenant integer not null references tenants (id),     -- whose
    room integer not null references rooms (id),         -- of the message
    seq integer not null,                                -- of the message
    sender integer not null references users (id),       -- who said it
    reason text not null,                             -- what is wrong with it
    person integer not null references users (id),       -- who reported it
    at integer not null,                                 -- Unix milliseconds
    resolved_at integer,                                 -- when somebody dealt with it
    resolved_by integer                                  -- who dealt with it
) strict;
create unique index reports_once on reports (room, seq, person);
create index reports_list on reports (tenant, at, id);

create table bans (
    id text primary key,                              -- random
    tenant integer not null references tenants (id),     -- whose
    person integer references users (id),                -- who may not sign in
    address text,                                     -- from where nobody may; of IPv6 the /64
    until integer,                                       -- until when; null: until it is lifted
    reason text not null,                             -- why
    made_by integer not null references users (id),      -- who said so
    at integer not null                                  -- Unix milliseconds
) strict;
create unique index bans_person on bans (tenant, person);
create unique index bans_address on bans (tenant, address);

create table deletions (
    room integer not null references rooms (id),         -- of the message
    seq integer not null,                                -- of the message
    person integer not null references users (id),       -- who deleted it
    reason text,                                      -- why, where it was another's and they said so
    at integer not null,                                 -- Unix milliseconds
    primary key (room, seq)
) strict;
