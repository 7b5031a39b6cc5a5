-- What moderators need: what was reported to them, whom they keep out, and why they deleted.

create table reports (
    id text collate "C" primary key,                              -- random
    tenant bigint not null references tenants (id),     -- whose
    room bigint not null references rooms (id),         -- of the message
    seq bigint not null,                                -- of the message
    sender bigint not null references users (id),       -- who said it
    reason text collate "C" not null,                             -- what is wrong with it
    person bigint not null references users (id),       -- who reported it
    at bigint not null,                                 -- Unix milliseconds
    resolved_at bigint,                                 -- when somebody dealt with it
    resolved_by bigint                                  -- who dealt with it
);
create unique index reports_once on reports (room, seq, person);
create index reports_list on reports (tenant, at, id);

create table bans (
    id text collate "C" primary key,                              -- random
    tenant bigint not null references tenants (id),     -- whose
    person bigint references users (id),                -- who may not sign in
    address text collate "C",                                     -- from where nobody may; of IPv6 the /64
    until bigint,                                       -- until when; null: until it is lifted
    reason text collate "C" not null,                             -- why
    made_by bigint not null references users (id),      -- who said so
    at bigint not null                                  -- Unix milliseconds
);
create unique index bans_person on bans (tenant, person);
create unique index bans_address on bans (tenant, address);

create table deletions (
    room bigint not null references rooms (id),         -- of the message
    seq bigint not null,                                -- of the message
    person bigint not null references users (id),       -- who deleted it
    reason text collate "C",                                      -- why, where it was another's and they said so
    at bigint not null,                                 -- Unix milliseconds
    primary key (room, seq)
);
