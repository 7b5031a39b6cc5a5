-- Slash commands: words that begin a line and are answered by somebody else's program.

create table commands (
    id text primary key,                              -- random
    tenant integer not null references tenants (id),     -- whose
    name text not null,                               -- what one writes behind the slash, folded
    url text not null,                                -- who is asked
    description text not null,                        -- what it is for
    secret text not null,                             -- what calls are signed with, sealed
    person integer not null references users (id),       -- as whom it answers
    made_by text not null,                            -- who made it, as in the record
    created_at integer not null                          -- Unix milliseconds
) strict;
create unique index commands_name on commands (tenant, name);
