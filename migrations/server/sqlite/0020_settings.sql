-- What a room asks of its members: who posts, how often, for how long it is kept; and how many they are.

alter table rooms add column announce integer not null default 0;     -- 1: its admins alone post
alter table rooms add column slow_seconds integer not null default 0; -- between two messages of one member; 0: any
alter table rooms add column archived_at integer;                     -- when it was put away; null: in use
alter table rooms add column retention_days integer;                  -- what is older is deleted; null: nothing is
alter table rooms add column kept_from integer not null default 1;    -- nothing below this seq is shown: it has expired
alter table rooms add column erased_to integer not null default 1;    -- everything below this seq has been erased
alter table rooms add column size integer not null default 0;         -- its members
alter table members add column muted_until integer;                   -- may not post or react until then; null: may
update rooms set size = (select count(*) from members m where m.room = rooms.id and m.left_seq is null);
