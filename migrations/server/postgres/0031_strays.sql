-- Objects that no file knows, as a crash or a restored database leaves them: noted when they are first
-- seen, and thrown away when they are still nobody's long after.

create table strays (
    place text collate "C" primary key,              -- where they lie: tenant, then something random
    seen_hour bigint not null                        -- hour of the server in which that was first seen
);
create index media_place on media (place);
