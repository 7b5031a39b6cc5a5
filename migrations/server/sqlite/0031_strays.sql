-- Objects that no file knows, as a crash or a restored database leaves them: noted when they are first
-- seen, and thrown away when they are still nobody's long after.

create table strays (
    place text primary key,                          -- where they lie: tenant, then something random
    seen_hour integer not null                       -- hour of the server in which that was first seen
) strict;
create index media_place on media (place);
