-- Slash commands: words that begin a line and are answered by somebody else's program.

create table commands (
    id text collate "C" primary key,                              -- random
    tenant bigint not null references tenants (id),     -- whose
    name text collate "C" not null,                               -- what one writes behind the slash, folded
    url text collate "C" not null,                                -- who is asked
    description text collate "C" not null,                        -- what it is for
    secret text collate "C" not null,                             -- what calls are signed with, sealed
    person bigint not null references users (id),       -- as whom it answers
    made_by text collate "C" not null,                            -- who made it, as in the record
    created_at bigint not null                          -- Unix milliseconds
);
create unique index commands_name on commands (tenant, name);
