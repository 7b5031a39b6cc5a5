-- What devices that slept through the end of an epoch may keep of each room.

create table bases (
    room integer not null references rooms (id), -- the room
    epoch text not null, -- the epoch that ended
    base integer not null, -- its head then, or lower where an epoch since began lower: nothing above is in this data set
    primary key (room, epoch)
) strict, without rowid;
