-- Who did what that an operator must be able to look up: signing in and out, passwords, keys,
-- tenants, moderation. Written in the transaction of the deed; it names things by their ids.

create table audit (
    id integer primary key autoincrement, -- order of writing
    tenant integer,                       -- whose; null: the server's own
    at integer not null,                  -- Unix milliseconds, for display
    act text not null,                    -- what was done
    actor text,                           -- who: a person's id, 'key:…', 'operator'; null: nobody we know
    target text,                          -- to what: 'user:7', 'room:7', 'message:7/812', 'session:…'
    address text,                         -- from which address; null: the server by itself
    detail text not null,                 -- JSON object
    made_hour integer not null            -- when, in hours the server has run: what ages it
) strict;
create index audit_tenant on audit (tenant, id);
create index audit_actor on audit (tenant, actor, id);
create index audit_made on audit (made_hour);
