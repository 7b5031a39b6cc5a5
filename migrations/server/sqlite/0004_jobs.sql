-- What must happen later and surely. A job is inserted in the transaction of its cause and holds
-- ids, never text.

create table jobs (
    id text primary key,         -- random
    tenant integer,              -- whose; null: the server's own
    kind text not null,          -- what to do
    target text not null,        -- ids to do it with
    once text,                   -- at most one job with the same word waits; null: any number
    state text not null,         -- 'pending', 'leased', 'dead'; what is done is gone
    attempts integer not null,   -- grows before each attempt
    next_at integer not null,    -- not before then, Unix milliseconds
    leased_by text,              -- the node that works at it
    leased_until integer,        -- until when nobody else may
    last_error text,             -- what the last attempt said
    created_at integer not null, -- Unix milliseconds
    dead_at integer              -- when it was given up
) strict;
create unique index jobs_once on jobs (once);
create index jobs_due on jobs (next_at) where state <> 'dead';
