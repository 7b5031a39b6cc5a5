//! A question in terms of the store: names become people and rooms, words become an expression of
//! FTS5. What the index then proposes may be too much, never too little: every message is held
//! against the question as it is seen.

use super::index::{inside, since, token};
use crate::feed::{Hit, MessageView};
use crate::store::{Sql, views};
use hallway_protocol::ids::{RoomId, Seq, UserId};
use hallway_protocol::rows::MessageKind;
use hallway_protocol::search::{Query, Trait, Who, has_link, looked_up};
use hallway_protocol::text::folded;
use hallway_protocol::words;
use rusqlite::{Connection, params};

/// What a row says of itself, as far as it is asked. What is being changed is looked at apart.
macro_rules! narrowed {
    () => {
        " and (?4 is null or m.room in (select value from json_each(?4)))
          and (?5 is null or m.sender in (select value from json_each(?5)))
          and (?6 is null or m.everyone = 1 or exists (select 1 from json_each(m.mentions) n
              where n.value in (select value from json_each(?6))))
          and (?7 = 0 or m.files <> '[]')
          and (?8 = 0 or m.thread is not null)
          and (?9 = 0 or instr(m.text, '://') > 0)
          and (?10 = 0 or exists (select 1 from reactions r
              where r.room = m.room and r.seq = m.seq and r.held = 1))
          and (?11 = 0 or m.pinned = 1)"
    };
}

/// A question, resolved.
pub(super) struct Asked<'a> {
    query: &'a Query,
    /// For FTS5; none: no word stands for it, and the messages are walked through.
    words: Option<String>,
    rooms: Among<RoomId>,
    senders: Among<UserId>,
    mentioned: Among<UserId>,
}

/// A message in the index: its number there, and where it is.
pub(super) type Place = (i64, RoomId, Seq);

/// Of whom one must be concerned, and of whom none may be.
struct Among<T> {
    any: Option<Vec<T>>,
    none: Vec<T>,
}

impl<T: PartialEq> Among<T> {
    fn takes(&self, concerns: impl Fn(&T) -> bool) -> bool {
        self.any.as_ref().is_none_or(|any| any.iter().any(&concerns))
            && !self.none.iter().any(&concerns)
    }
}

impl<'a> Asked<'a> {
    /// Reads names and words as this store knows them.
    pub fn new(
        conn: &Connection,
        me: UserId,
        query: &'a Query,
        room: Option<RoomId>,
    ) -> Sql<Asked<'a>> {
        let mut rooms = among(query, Who::In, |name| named_rooms(conn, name))?;
        if let Some(room) = room {
            let meant = rooms.any.is_none_or(|any| any.contains(&room));
            rooms.any = Some(if meant { vec![room] } else { Vec::new() });
        }
        let people = |name: &str| named_people(conn, me, name);
        Ok(Asked {
            query,
            words: expression(conn, query)?,
            rooms,
            senders: among(query, Who::From, people)?,
            mentioned: among(query, Who::Mentions, people)?,
        })
    }

    /// Whether a message answers, and where its words stand.
    pub fn hit(&self, message: MessageView) -> Option<Hit> {
        let at = message.at;
        let takes = !message.deleted
            && message.kind == MessageKind::Text
            && self.query.from_at.is_none_or(|from| at >= from)
            && self.query.to_at.is_none_or(|to| at < to)
            && self.rooms.takes(|room| message.room == *room)
            && self.senders.takes(|person| message.sender == *person)
            && self.mentioned.takes(|who| message.everyone || message.mentions.contains(who))
            && self.query.marks.iter().all(|mark| has(&message, mark.of) != mark.not);
        let found = self.query.find(&message.text).filter(|_| takes)?;
        Some(Hit { message, ranges: found.ranges })
    }

    /// Messages below `to` that may answer, newest first.
    pub fn next(&self, conn: &Connection, to: i64, limit: usize) -> Sql<Vec<Place>> {
        let from = self.query.from_at.map_or(i64::MIN, since);
        let to_at = self.query.to_at.map_or(i64::MAX, |to| since(to.saturating_add(1_000)));
        let wants = |of| self.query.marks.iter().any(|mark| mark.of == of && !mark.not);
        let sql = match self.words {
            Some(_) => concat!(
                "select m.doc, m.room, m.seq from messages_fts f
                     cross join messages m on m.doc = f.rowid
                 where messages_fts match ?1 and f.rowid < ?2 and f.rowid >= ?3",
                narrowed!(),
                " order by f.rowid desc limit ?12"
            ),
            None => concat!(
                "select m.doc, m.room, m.seq from messages m indexed by messages_doc
                 where ?1 is null and m.doc is not null and m.doc < ?2 and m.doc >= ?3",
                narrowed!(),
                " order by m.doc desc limit ?12"
            ),
        };
        conn.prepare_cached(sql)?
            .query_map(
                params![
                    self.words,
                    to.min(to_at),
                    from,
                    list(self.rooms.any.as_ref(), |room| room.0),
                    list(self.senders.any.as_ref(), |person| person.0),
                    list(self.mentioned.any.as_ref(), |person| person.0),
                    wants(Trait::File) || wants(Trait::Image),
                    wants(Trait::Thread),
                    wants(Trait::Link),
                    wants(Trait::Reaction),
                    wants(Trait::Pinned),
                    views::count_of(limit),
                ],
                |row| Ok((row.get(0)?, RoomId(row.get(1)?), row.get(2)?)),
            )?
            .collect()
    }
}

fn list<T>(any: Option<&Vec<T>>, id: impl Fn(&T) -> i64) -> Option<String> {
    let ids = |any: &Vec<T>| any.iter().map(|one| id(one).to_string()).collect::<Vec<_>>();
    any.map(|any| format!("[{}]", ids(any).join(",")))
}

fn has(message: &MessageView, of: Trait) -> bool {
    match of {
        Trait::Link => has_link(&message.text),
        Trait::File => !message.files.is_empty(),
        Trait::Image => message.files.iter().any(|file| file.kind.starts_with("image/")),
        Trait::Reaction => !message.reactions.is_empty(),
        Trait::Pinned => message.pinned,
        Trait::Thread => message.thread.is_some(),
    }
}

/// Whom or what an operator names. A name of nobody is nobody.
fn among<T: PartialEq>(
    query: &Query,
    who: Who,
    named: impl Fn(&str) -> Sql<Vec<T>>,
) -> Sql<Among<T>> {
    let mut among = Among { any: None, none: Vec::new() };
    for one in query.named.iter().filter(|one| one.who == who) {
        let found = named(&one.name)?;
        match one.not {
            true => among.none.extend(found),
            false => among.any.get_or_insert_default().extend(found),
        }
    }
    Ok(among)
}

fn named_rooms(conn: &Connection, name: &str) -> Sql<Vec<RoomId>> {
    let (wanted, id) = (folded(name), name.parse().ok());
    let mut rooms = conn.prepare_cached("select room, name from rooms where state = 'joined'")?;
    let rooms = rooms.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    let is = |(room, name): &(i64, String)| folded(name) == wanted || Some(*room) == id;
    Ok(rooms.collect::<Sql<Vec<_>>>()?.into_iter().filter(is).map(|row| RoomId(row.0)).collect())
}

fn named_people(conn: &Connection, me: UserId, name: &str) -> Sql<Vec<UserId>> {
    if name.eq_ignore_ascii_case("me") {
        return Ok(vec![me]);
    }
    let (wanted, id) = (folded(name), name.parse().ok());
    let mut people = conn.prepare_cached("select user, name, display_name from users")?;
    let people = people
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)))?
        .collect::<Sql<Vec<_>>>()?;
    let is = |(user, name, shown): &(i64, String, String)| {
        folded(name) == wanted || folded(shown) == wanted || Some(*user) == id
    };
    Ok(people.into_iter().filter(is).map(|row| UserId(row.0)).collect())
}

/// `("a" OR "b"*) AND ("c")`; none when there is no word.
fn expression(conn: &Connection, query: &Query) -> Sql<Option<String>> {
    let mut groups = Vec::new();
    for term in &query.terms {
        let mut group = vec![token(&term.text, term.prefix || term.part)];
        if term.part {
            let words = inside(conn, looked_up(&term.text))?;
            group.extend(words.iter().map(|word| token(word, false)));
        }
        groups.push(format!("({})", group.join(" OR ")));
    }
    for unit in query.phrases.iter().flatten() {
        // A character of a pair stands at its beginning, or last and alone.
        let paired = words::query(&format!("{unit} ")).first().is_some_and(|term| term.prefix);
        groups.push(format!("({})", token(unit, paired)));
    }
    Ok((!groups.is_empty()).then(|| groups.join(" AND ")))
}
