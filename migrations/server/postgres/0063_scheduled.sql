-- Messages to be said later may answer, stand in a thread and carry files, which stay until then.

alter table scheduled add column reply bigint;  -- seq of the message it will answer; null: none
alter table scheduled add column thread bigint; -- seq of a message of the thread it will stand in; null: none

create table scheduled_files (
    scheduled text collate "C" not null references scheduled (id), -- what will carry it
    place bigint not null,                            -- in which order
    media text collate "C" not null references media (id),         -- the file
    primary key (scheduled, place)
);
create index scheduled_files_media on scheduled_files (media);
