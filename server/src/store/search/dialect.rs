//! The index of words in the words of each engine: FTS5, and a `tsvector` under GIN. Both are fed
//! with the same tokens and asked the same questions.

use super::super::engine::{Conn, Outcome, Record};
use super::super::{Read, Result, Tx, messages};
use crate::params;
use hallway_protocol::ids::RoomId;
use hallway_protocol::rows::Message;

/// One token somebody asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    pub text: String,
    /// Whatever begins with it will do.
    pub prefix: bool,
}

/// What a document must have: of each group one token.
pub type Groups = Vec<Vec<Token>>;

/// Documents of these rooms with `from <= doc < to`, newest first.
#[derive(Clone, Debug)]
pub struct Span {
    pub rooms: Vec<i64>,
    pub from: i64,
    pub to: i64,
    pub limit: i64,
}

/// An engine's index of words.
pub trait Words {
    /// Puts a document in; false when its number is taken.
    fn add(&self, tx: &mut Tx<'_>, doc: i64, room: RoomId, seq: i64, tokens: &str) -> Result<bool>;
    /// Takes a document out; the tokens must be those it was put in with.
    fn take(&self, tx: &mut Tx<'_>, doc: i64, tokens: &str) -> Result<()>;
    /// Whether any document has one token of each group.
    fn any(&self, read: &mut Read<'_>, groups: &Groups) -> Result<bool>;
    /// Documents that do, with their messages.
    fn newest(&self, read: &mut Read<'_>, groups: &Groups, span: &Span) -> Result<Docs>;
    /// Nothing is indexed any more.
    fn clear(&self, conn: &mut dyn Conn) -> Outcome<()>;
    /// Those who take words out wait for those who put words in, and the other way round.
    fn turn(&self, tx: &mut Tx<'_>) -> Result<()>;
}

/// Documents and their messages.
pub type Docs = Vec<(i64, Message)>;

/// The index of the engine somebody reads or writes with.
pub fn of(postgres: bool) -> &'static dyn Words {
    if postgres { &Tsvector } else { &Fts5 }
}

macro_rules! select_docs {
    ($rest:literal) => {
        concat!(
            "select m.room, m.seq, m.rev, m.n, m.kind, m.sender, m.at, m.key, m.text, m.reply, \
             m.thread, m.mentions, m.everyone, m.meta, m.edited_at, m.pinned, m.deleted_at, m.files, d.doc ",
            $rest
        )
    };
}
pub(super) use select_docs;

pub(super) fn doc(row: &Record<'_>) -> Outcome<(i64, Message)> {
    Ok((row.get(18)?, messages::row(row)?))
}

struct Fts5;

impl Words for Fts5 {
    fn add(&self, tx: &mut Tx<'_>, doc: i64, room: RoomId, seq: i64, tokens: &str) -> Result<bool> {
        let done = tx.exec(
            "insert into search_docs (doc, room, seq) values ($1, $2, $3)
             on conflict (doc) do nothing",
            params![doc, room, seq],
        )?;
        if done == 1 {
            tx.exec(
                "insert into words_search (rowid, words) values ($1, $2)",
                params![doc, tokens],
            )?;
        }
        Ok(done == 1)
    }

    fn take(&self, tx: &mut Tx<'_>, doc: i64, tokens: &str) -> Result<()> {
        tx.exec("delete from search_docs where doc = $1", params![doc])?;
        tx.exec(
            "insert into words_search (words_search, rowid, words) values ('delete', $1, $2)",
            params![doc, tokens],
        )?;
        Ok(())
    }

    fn any(&self, read: &mut Read<'_>, groups: &Groups) -> Result<bool> {
        let found = read.one(
            "select rowid from words_search where words_search match $1 limit 1",
            params![&matching(groups)],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }

    fn newest(&self, read: &mut Read<'_>, groups: &Groups, span: &Span) -> Result<Docs> {
        read.all(
            select_docs!(
                "from words_search w cross join search_docs d on d.doc = w.rowid
                    cross join messages m on m.room = d.room and m.seq = d.seq
                 where words_search match $1 and w.rowid < $2 and w.rowid >= $3
                    and d.room in (select value from rarray($4))
                 order by w.rowid desc limit $5"
            ),
            params![&matching(groups), span.to, span.from, &span.rooms, span.limit],
            doc,
        )
    }

    fn clear(&self, conn: &mut dyn Conn) -> Outcome<()> {
        conn.script(
            "insert into words_search (words_search) values ('delete-all');
             delete from search_docs; delete from search_rooms;
             delete from search_terms; delete from search_parts;",
        )
    }

    fn turn(&self, _: &mut Tx<'_>) -> Result<()> {
        Ok(())
    }
}

/// `("a" OR "b"*) AND "c"`.
fn matching(groups: &Groups) -> String {
    let token = |token: &Token| {
        let star = if token.prefix { "*" } else { "" };
        format!("\"{}\"{star}", token.text.replace('"', "\"\""))
    };
    all(groups, token, " OR ", " AND ")
}

struct Tsvector;

impl Words for Tsvector {
    fn add(&self, tx: &mut Tx<'_>, doc: i64, room: RoomId, seq: i64, tokens: &str) -> Result<bool> {
        let done = tx.exec(
            "insert into search_docs (doc, room, seq) values ($1, $2, $3)
             on conflict (doc) do nothing",
            params![doc, room, seq],
        )?;
        if done == 1 {
            tx.exec(
                "insert into words_search (doc, words)
                 values ($1, array_to_tsvector(string_to_array($2, ' ')))",
                // Of a text without words the first token is of our own, behind a space.
                params![doc, tokens.trim_start()],
            )?;
        }
        Ok(done == 1)
    }

    fn take(&self, tx: &mut Tx<'_>, doc: i64, _: &str) -> Result<()> {
        tx.exec("delete from search_docs where doc = $1", params![doc])?;
        tx.exec("delete from words_search where doc = $1", params![doc])?;
        Ok(())
    }

    fn any(&self, read: &mut Read<'_>, groups: &Groups) -> Result<bool> {
        let found = read.one(
            "select doc from words_search where words @@ cast(cast($1 as text) as tsquery) limit 1",
            params![&asking(groups)],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }

    /// In steps, or the planner walks through all documents in order of time until it meets enough.
    fn newest(&self, read: &mut Read<'_>, groups: &Groups, span: &Span) -> Result<Docs> {
        read.all(
            select_docs!(
                "from (with found as materialized (
                        select doc from words_search
                        where words @@ cast(cast($1 as text) as tsquery) and doc < $2 and doc >= $3)
                    select s.doc, s.room, s.seq from found f join search_docs s on s.doc = f.doc
                    where s.room in (select value from rarray($4))
                    order by s.doc desc limit $5) d
                    join messages m on m.room = d.room and m.seq = d.seq
                 order by d.doc desc"
            ),
            params![&asking(groups), span.to, span.from, &span.rooms, span.limit],
            doc,
        )
    }

    fn clear(&self, conn: &mut dyn Conn) -> Outcome<()> {
        conn.script("truncate words_search, search_docs, search_rooms, search_terms, search_parts")
    }

    fn turn(&self, tx: &mut Tx<'_>) -> Result<()> {
        tx.one("select cast(pg_advisory_xact_lock(7341) as text)", &[], |_| Ok(()))?;
        Ok(())
    }
}

/// `('a'|'b':*)&'c'`.
fn asking(groups: &Groups) -> String {
    let token = |token: &Token| {
        let star = if token.prefix { ":*" } else { "" };
        format!("'{}'{star}", token.text.replace('\\', "\\\\").replace('\'', "''"))
    };
    all(groups, token, "|", "&")
}

fn all(groups: &Groups, token: impl Fn(&Token) -> String, or: &str, and: &str) -> String {
    let group = |group: &Vec<Token>| {
        let tokens: Vec<_> = group.iter().map(&token).collect();
        if tokens.len() == 1 { tokens.concat() } else { format!("({})", tokens.join(or)) }
    };
    groups.iter().map(group).collect::<Vec<_>>().join(and)
}
