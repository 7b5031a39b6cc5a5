-- Threads and pins are looked up without reading their rooms.
create index messages_thread on messages (room, thread, seq) where thread is not null;
create index messages_pinned on messages (room, seq) where pinned = 1;
