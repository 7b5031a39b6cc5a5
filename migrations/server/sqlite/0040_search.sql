-- What finds messages by their words. A message enters the index after it was said, room by room;
-- until then a search looks it up first. Documents are numbered by time, so the newest are found
-- first. The index keeps no text of its own and is fed with `hallway_protocol::words`.

create table search_rooms (
    room integer primary key references rooms (id), -- whose messages
    low integer not null,                           -- from this seq on everything said is in the index
    high integer not null                           -- up to this seq; older rooms are filled downwards
) strict;

create table search_docs (
    doc integer primary key, -- time it was said, then a part of room and seq: see `store/search/feed.rs`
    room integer not null,   -- of the message
    seq integer not null     -- of the message
) strict;

-- Words as tokens, and tokens of our own for tenant, room, sender and the like. No positions: what
-- is found is held against the text again.
create virtual table words_search using fts5(
    words, content = '', columnsize = 0, detail = none, tokenize = 'ascii'
);
-- What is deleted leaves the index at once, not at the next merge.
insert into words_search (words_search, rank) values ('secure-delete', 1);

-- The words that are in the index, once each, and every three letters in a row of each: so parts of
-- words are found.
create table search_terms (
    tenant integer not null, -- who said it
    word text not null,      -- folded
    primary key (tenant, word)
) strict;
create table search_parts (
    tenant integer not null, -- of the word
    part text not null,      -- three letters of it
    word text not null,      -- the word
    primary key (tenant, part, word)
) strict, without rowid;
