-- What must happen later and surely. A job is inserted in the transaction of its cause and holds
-- ids, never text.

create table jobs (
    id text collate "C" primary key,  -- random
    tenant bigint,                    -- whose; null: the server's own
    kind text collate "C" not null,   -- what to do
    target text collate "C" not null, -- ids to do it with
    once text collate "C",            -- at most one job with the same word waits; null: any number
    state text collate "C" not null,  -- 'pending', 'leased', 'dead'; what is done is gone
    attempts bigint not null,         -- grows before each attempt
    next_at bigint not null,          -- not before then, Unix milliseconds
    leased_by text collate "C",       -- the node that works at it
    leased_until bigint,              -- until when nobody else may
    last_error text collate "C",      -- what the last attempt said
    created_at bigint not null,       -- Unix milliseconds
    dead_at bigint                    -- when it was given up
);
create unique index jobs_once on jobs (once);
create index jobs_due on jobs (next_at) where state <> 'dead';
