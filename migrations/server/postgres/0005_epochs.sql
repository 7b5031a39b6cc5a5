-- What devices that slept through the end of an epoch may keep of each room.

create table bases (
    room bigint not null references rooms (id), -- the room
    epoch text collate "C" not null, -- the epoch that ended
    base bigint not null, -- its head then, or lower where an epoch since began lower: nothing above is in this data set
    primary key (room, epoch)
);
