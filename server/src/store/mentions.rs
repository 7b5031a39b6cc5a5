//! Who a message concerns. `@name` and `@everyone` are read from the text when it is written, and
//! matched with the room's members of that moment; who is answered is concerned as well. The table
//! makes counting cheap: one range of an index for each person and room.

use super::rooms::Facts;
use super::{Read, Result, Tx};
use crate::params;
use hallway_protocol::ids::UserId;
use hallway_protocol::rows::{Message, RoomKind};
use hallway_protocol::text::folded;

/// Names looked up for one message; a wall of names calls the first ones.
const NAMES: usize = 50;
/// The word that names all.
const EVERYONE: &str = "everyone";
/// Stands in the table for all members.
const ALL: UserId = UserId(0);

/// Who a text names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Named {
    /// Members, ascending.
    pub people: Vec<UserId>,
    /// `@everyone`.
    pub everyone: bool,
}

/// Whom `text` names among the members of `room`.
pub fn named(read: &mut Read<'_>, room: &Facts, text: &str) -> Result<Named> {
    let mut named = Named::default();
    for candidates in names(text) {
        for name in candidates {
            if name == EVERYONE {
                named.everyone = true;
                break;
            }
            let member = read.one(
                "select u.id from users u join members m on m.person = u.id
                 where u.tenant = $1 and u.name_folded = $2 and m.room = $3 and m.left_seq is null",
                params![room.tenant, &name, room.id],
                |row| row.get::<UserId>(0),
            )?;
            if let Some(member) = member {
                named.people.push(member);
                break;
            }
        }
    }
    named.people.sort_unstable();
    named.people.dedup();
    Ok(named)
}

/// Every `@word` of a text as the names it may mean, longest first: in "ask @ada." the full stop
/// may be part of the name.
fn names(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('@') {
        let inside = text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        let rest = &text[at + 1..];
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '_' | '-')))
            .unwrap_or(rest.len());
        let mut word = &rest[..end];
        if inside || word.is_empty() {
            continue;
        }
        let mut candidates = vec![folded(word)];
        while let Some(shorter) = word.strip_suffix(['.', '-', '_']) {
            word = shorter;
            if !word.is_empty() {
                candidates.push(folded(word));
            }
        }
        if !found.contains(&candidates) {
            found.push(candidates);
        }
        if found.len() == NAMES {
            break;
        }
    }
    found
}

/// Keeps whom a message concerns; in a direct room each message concerns everyone by definition.
pub fn keep(
    tx: &mut Tx<'_>,
    room: &Facts,
    message: &Message,
    answered: Option<UserId>,
) -> Result<()> {
    if room.kind == RoomKind::Direct {
        return Ok(());
    }
    let everyone = message.everyone.then_some(ALL);
    let people = message.mentions.iter().copied().chain(answered).chain(everyone);
    for person in people.filter(|person| *person != message.sender) {
        tx.exec(
            "insert into mentions (room, person, seq) values ($1, $2, $3)
             on conflict (room, person, seq) do nothing",
            params![message.room, person, message.seq],
        )?;
    }
    Ok(())
}

/// Forgets whom a message concerned.
pub fn forget(tx: &mut Tx<'_>, message: &Message) -> Result<()> {
    tx.exec(
        "delete from mentions where room = $1 and seq = $2",
        params![message.room, message.seq],
    )?;
    Ok(())
}

/// A list of people as it is stored beside a message; empty for nobody.
pub fn list_text(people: &[UserId]) -> String {
    let ids: Vec<String> = people.iter().map(ToString::to_string).collect();
    ids.join(",")
}

/// The stored list.
pub fn list(stored: &str) -> Vec<UserId> {
    stored.split(',').filter_map(|id| id.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_end_in_what_ends_a_sentence() {
        let cases: [(&str, &[&[&str]]); 6] = [
            ("tea, @Ada?", &[&["ada"]]),
            ("ask @ada.", &[&["ada.", "ada"]]),
            ("mail ada@example.org", &[]),
            ("@ada @ADA", &[&["ada"]]),
            ("(@everyone)", &[&["everyone"]]),
            ("@ @.", &[&["."]]),
        ];
        for (text, expected) in cases {
            assert_eq!(names(text), expected, "{text}");
        }
    }

    #[test]
    fn lists_come_back() {
        assert_eq!(list(&list_text(&[UserId(3), UserId(9)])), [UserId(3), UserId(9)]);
        assert_eq!(list(""), []);
    }
}
