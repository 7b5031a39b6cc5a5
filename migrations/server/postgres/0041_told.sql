-- Notices of no unread message that browsers show: read, they are taken back.

create table told (
    notice text collate "C" primary key,             -- its id
    person bigint not null references users (id),    -- whose browsers show it
    n bigint not null                                -- its place among notices: reading up to there reads it
);
create index told_person on told (person, n);
