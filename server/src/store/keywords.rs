//! Words of which somebody wants to hear wherever they are. They are compared as search compares:
//! folded, whole words; of a phrase every word must be there. A hash of the first word leads from a
//! text to those who may want to hear of it.

use super::rooms::Facts;
use super::{Read, Result, Tx};
use crate::params;
use hallway_protocol::ids::{TenantId, UserId};
use hallway_protocol::words::{Term, has_all, query, words};

/// People who hear of one message by a word of theirs, at most.
const HEARD: i64 = 200;

/// The terms of a keyword; nothing is left open at its end.
pub fn terms(keyword: &str) -> Vec<Term> {
    query(&format!("{keyword} "))
}

/// FNV-1a: what falls together by it is told apart by the words themselves.
fn hash(word: &str) -> i64 {
    let hash = word.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash.cast_signed()
}

/// Whether anybody of a tenant has keywords.
pub(super) fn any(read: &mut Read<'_>, tenant: TenantId) -> Result<bool> {
    let sql = "select 1 from keywords where tenant = $1 limit 1";
    Ok(read.one(sql, params![tenant], |row| row.get::<i64>(0))?.is_some())
}

/// The members of a room who want to hear of this text.
pub(super) fn heard(read: &mut Read<'_>, room: &Facts, text: &str) -> Result<Vec<UserId>> {
    let mut hashes = Vec::new();
    for word in words(text) {
        hashes.push(hash(&word.text));
        // One character that is asked for alone stands at the beginning of a pair.
        if let Some(first) = word.text.chars().next().filter(|c| !c.is_ascii()) {
            hashes.push(hash(first.encode_utf8(&mut [0; 4])));
        }
    }
    hashes.sort_unstable();
    hashes.dedup();
    if hashes.is_empty() {
        return Ok(Vec::new());
    }
    let found = read.all(
        "select k.person, k.text from keywords k
            join members m on m.person = k.person and m.room = $1 and m.left_seq is null
         where k.tenant = $2 and k.word in (select value from rarray($3))
         order by k.person, k.place limit $4",
        params![room.id, room.tenant, &hashes, HEARD],
        |row| Ok((row.get::<UserId>(0)?, row.get::<String>(1)?)),
    )?;
    let hits = found.into_iter().filter(|(_, keyword)| has_all(text, &terms(keyword)));
    let mut people: Vec<_> = hits.map(|(person, _)| person).collect();
    people.dedup();
    Ok(people)
}

/// A person's keywords, as they wrote them.
pub(super) fn list(read: &mut Read<'_>, person: UserId) -> Result<Vec<String>> {
    let sql = "select text from keywords where person = $1 order by place";
    read.all(sql, params![person], |row| row.get(0))
}

/// Replaces a person's keywords; each has a word.
pub(super) fn set(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    person: UserId,
    keywords: &[String],
) -> Result<()> {
    tx.exec("delete from keywords where person = $1", params![person])?;
    for (place, keyword) in keywords.iter().enumerate() {
        let first = terms(keyword).into_iter().next().map(|term| hash(&term.text));
        tx.exec(
            "insert into keywords (person, place, tenant, word, text) values ($1, $2, $3, $4, $5)",
            params![person, place as i64, tenant, first.unwrap_or_default(), keyword],
        )?;
    }
    Ok(())
}
