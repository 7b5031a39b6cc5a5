-- Notices of no unread message that browsers show: read, they are taken back.

create table told (
    notice text primary key,                         -- its id
    person integer not null references users (id),   -- whose browsers show it
    n integer not null                               -- its place among notices: reading up to there reads it
) strict;
create index told_person on told (person, n);
