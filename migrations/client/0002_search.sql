-- Parts of words: every word that is in the index once, and under each three letters of it which
-- word. Kept by this store's own code, in the transaction that changes the text. A word stands in
-- one place alone, and where new ones are put behind the others: an index over words would be moved
-- about between pages, and leave traces of what was deleted.
create table search_words (
    id   integer primary key not null,   -- which word
    hash integer not null,               -- of the word, to look it up
    word text not null                   -- folded, as far as words are looked up
) strict;

create index search_words_hash on search_words (hash);

create table search_parts (
    part text not null,      -- three letters of the word
    word integer not null,   -- id of the word
    primary key (part, word)
) strict, without rowid;
