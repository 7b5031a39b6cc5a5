//! A question in terms of the index: names become people and rooms, words become tokens. What the
//! index then proposes may be too much, never too little.

use super::super::{Me, Read, Result, messages, pages};
use super::dialect::{self, Docs, Groups, Span, Token, doc, select_docs};
use super::feed::{number, own, tenant_token};
use super::{Place, Search, parts};
use crate::params;
use hallway_protocol::ids::{Millis, RoomId, UserId};
use hallway_protocol::rows::Message;
use hallway_protocol::search::{Trait, Who, looked_up};
use hallway_protocol::text::folded;
use hallway_protocol::words;
use std::collections::BTreeMap;

/// Rooms that are asked for by token; of more the index proposes all, and they are picked.
const ROOM_TOKENS: usize = 40;
/// Pinned messages that are looked through.
const PINS: usize = 2_000;

/// A question, resolved.
pub struct Asked {
    /// Where, of what one sees.
    pub rooms: Vec<i64>,
    /// Documents from here on.
    pub from: i64,
    /// And below this one.
    pub to: i64,
    groups: Groups,
    /// No word stands for it: the tenant's documents are walked through.
    bare: bool,
    pinned: bool,
    from_at: Option<Millis>,
    to_at: Option<Millis>,
    senders: Among,
    mentioned: Among,
}

/// People of whom one must be concerned, and of whom none may be.
#[derive(Default)]
struct Among {
    any: Option<Vec<UserId>>,
    none: Vec<UserId>,
}

impl Among {
    fn takes(&self, concerns: impl Fn(&UserId) -> bool) -> bool {
        self.any.as_ref().is_none_or(|any| any.iter().any(&concerns))
            && !self.none.iter().any(&concerns)
    }
}

/// Resolves a question; none: nothing can answer it.
pub fn resolve(
    read: &mut Read<'_>,
    me: &Me,
    search: &Search,
    places: &BTreeMap<RoomId, Place>,
) -> Result<Option<Asked>> {
    let query = &search.query;
    let mut groups = vec![vec![tenant_token(me.tenant)]];
    let (rooms, narrowed) = rooms(search, places);
    if narrowed && rooms.len() <= ROOM_TOKENS {
        groups.push(rooms.iter().map(|room| own('r', *room)).collect());
    }
    let mut senders = among(read, me, search, Who::From)?;
    if let Some(from) = search.from {
        let both = senders.any.is_none_or(|any| any.contains(&from));
        senders.any = Some(if both { vec![from] } else { Vec::new() });
    }
    let mentioned = among(read, me, search, Who::Mentions)?;
    if let Some(any) = &senders.any {
        groups.push(any.iter().map(|person| own('s', person.0)).collect());
    }
    if let Some(any) = &mentioned.any {
        let everyone = (!any.is_empty()).then(|| own('m', 0));
        groups.push(any.iter().map(|person| own('m', person.0)).chain(everyone).collect());
    }
    for mark in query.marks.iter().filter(|mark| !mark.not) {
        match mark.of {
            Trait::Link => groups.push(vec![own('l', 0)]),
            Trait::Thread => groups.push(vec![own('h', 0)]),
            Trait::File => groups.push(vec![own('f', 0)]),
            Trait::Image => groups.push(vec![own('i', 0)]),
            Trait::Reaction | Trait::Pinned => {}
        }
    }
    words_of(read, me, search, &mut groups)?;
    if rooms.is_empty() || groups.iter().any(Vec::is_empty) {
        return Ok(None);
    }
    let from_at = query.from_at.max(search.after.map(|after| after.saturating_add(1)));
    let to_at = query.to_at.into_iter().chain(search.before).min();
    let pinned = query.marks.iter().any(|mark| mark.of == Trait::Pinned && !mark.not);
    Ok(Some(Asked {
        rooms,
        from: from_at.map_or(0, number),
        to: to_at.map_or(i64::MAX, |to| number(to.saturating_add(1))),
        bare: groups.len() == 1,
        groups,
        pinned,
        from_at,
        to_at,
        senders,
        mentioned,
    }))
}

impl Asked {
    /// Messages that may answer, newest first.
    pub fn source(&self, read: &mut Read<'_>, span: &Span) -> Result<Docs> {
        if self.pinned {
            return pinned(read, span);
        }
        if self.bare {
            return read.all(
                select_docs!(
                    "from (select doc, room, seq from search_docs where doc < $1 and doc >= $2
                            and room in (select value from rarray($3))
                        order by doc desc limit $4) d
                        join messages m on m.room = d.room and m.seq = d.seq
                     order by d.doc desc"
                ),
                params![span.to, span.from, &span.rooms, span.limit],
                doc,
            );
        }
        dialect::of(read.is_postgres()).newest(read, &self.groups, span)
    }

    /// Whether a message is of the people and the time that were asked for.
    pub fn takes(&self, message: &Message) -> bool {
        self.from_at.is_none_or(|from| message.at >= from)
            && self.to_at.is_none_or(|to| message.at < to)
            && self.senders.takes(|person| message.sender == *person)
            && self.mentioned.takes(|person| message.everyone || message.mentions.contains(person))
    }
}

/// Pinned messages are few and have an index of their own; they are numbered as documents are.
fn pinned(read: &mut Read<'_>, span: &Span) -> Result<Docs> {
    let found = read.all(
        "select m.room, m.seq, m.rev, m.n, m.kind, m.sender, m.at, m.key, m.text, m.reply, m.thread,
            m.mentions, m.everyone, m.meta, m.edited_at, m.pinned, m.deleted_at, m.files
         from messages m
         where m.pinned = 1 and m.room in (select value from rarray($1)) order by m.at desc limit $2",
        params![&span.rooms, pages::count(PINS)],
        messages::row,
    )?;
    let numbered =
        |message: Message| (super::feed::number_of(message.at, message.room, message.seq), message);
    let mut docs: Docs = found.into_iter().map(numbered).collect();
    docs.retain(|(doc, _)| (span.from..span.to).contains(doc));
    docs.sort_by_key(|(doc, _)| std::cmp::Reverse(*doc));
    docs.truncate(usize::try_from(span.limit).unwrap_or(usize::MAX));
    Ok(docs)
}

/// The rooms meant, and whether they are fewer than those one sees. A name of none leaves none.
fn rooms(search: &Search, places: &BTreeMap<RoomId, Place>) -> (Vec<i64>, bool) {
    let named: Vec<_> = search.query.named.iter().filter(|named| named.who == Who::In).collect();
    let any = named.iter().any(|named| !named.not);
    let is = |place: &Place, name: &str| {
        place.name == folded(name) || name.parse() == Ok(place.facts.id.0)
    };
    let meant = |place: &&Place| {
        (!any || named.iter().any(|named| !named.not && is(place, &named.name)))
            && !named.iter().any(|named| named.not && is(place, &named.name))
    };
    let rooms = places.values().filter(meant).map(|place| place.facts.id.0).collect();
    (rooms, any || search.room.is_some())
}

/// The people of an operator. A name of nobody is nobody.
fn among(read: &mut Read<'_>, me: &Me, search: &Search, who: Who) -> Result<Among> {
    let mut among = Among::default();
    for named in search.query.named.iter().filter(|named| named.who == who) {
        let people = if named.name.eq_ignore_ascii_case("me") {
            vec![me.user]
        } else {
            let name = folded(&named.name);
            read.all(
                "select id from users where tenant = $1
                    and (name_folded = $2 or display_folded = $2 or id = $3) order by id limit 20",
                params![me.tenant, &name, named.name.parse().unwrap_or(0)],
                |row| row.get(0),
            )?
        };
        match named.not {
            true => among.none.extend(people),
            false => among.any.get_or_insert_default().extend(people),
        }
    }
    Ok(among)
}

fn words_of(read: &mut Read<'_>, me: &Me, search: &Search, groups: &mut Groups) -> Result<()> {
    let token = |text: &str, prefix| {
        let cut = looked_up(text);
        Token { text: cut.to_owned(), prefix: prefix || cut.len() < text.len() }
    };
    for term in &search.query.terms {
        let mut group = vec![token(&term.text, term.prefix || term.part)];
        if term.part {
            let inside = parts::with(read, me.tenant, looked_up(&term.text))?;
            group.extend(inside.iter().map(|word| token(word, false)));
        }
        groups.push(group);
    }
    for unit in search.query.phrases.iter().flatten() {
        // A character of a pair stands at its beginning, or last and alone.
        let paired = words::query(&format!("{unit} ")).first().is_some_and(|term| term.prefix);
        groups.push(vec![token(unit, paired)]);
    }
    Ok(())
}
