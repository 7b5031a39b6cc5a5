-- What finds messages by their words. A message enters the index after it was said, room by room;
-- until then a search looks it up first. Documents are numbered by time, so the newest are found
-- first. The index keeps no text of its own and is fed with `hallway_protocol::words`.

create table search_rooms (
    room bigint primary key references rooms (id), -- whose messages
    low bigint not null,                           -- from this seq on everything said is in the index
    high bigint not null                           -- up to this seq; older rooms are filled downwards
);

create table search_docs (
    doc bigint primary key, -- time it was said, then a part of room and seq: see `store/search/feed.rs`
    room bigint not null,   -- of the message
    seq bigint not null     -- of the message
);

-- Words as tokens, and tokens of our own for tenant, room, sender and the like. No positions: what
-- is found is held against the text again.
create table words_search (
    doc bigint primary key, -- of which document
    words tsvector not null -- its tokens
);
-- What waits to be sorted in is read through by every search: it stays short.
create index words_search_words on words_search using gin (words) with (gin_pending_list_limit = 512);

-- The words that are in the index, once each, and every three letters in a row of each: so parts of
-- words are found.
create table search_terms (
    tenant bigint not null,         -- who said it
    word text collate "C" not null, -- folded
    primary key (tenant, word)
);
create table search_parts (
    tenant bigint not null,         -- of the word
    part text collate "C" not null, -- three letters of it
    word text collate "C" not null, -- the word
    primary key (tenant, part, word)
);
