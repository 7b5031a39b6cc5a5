//! Parts of words: every word of a tenant once, and under each three letters of it the word. New
//! words are rare among those that are said, so what is known is remembered and asked no more.

use super::super::{Read, Result, Tx};
use super::dialect::{self, Token};
use super::feed::tenant_token;
use crate::params;
use hallway_protocol::ids::TenantId;
use hallway_protocol::search::parts;
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Words a part may stand in; a search that asks for a syllable is no search.
const MANY: usize = 500;
/// Words that are remembered: 64 bits each.
const REMEMBERED: usize = 200_000;

/// Messages of one step of feeding: at first, at least, at most.
const STEPS: (i64, i64, i64) = (20, 4, 400);
/// What is said meanwhile waits for a step, so none is to take longer; on PostgreSQL, where a row is a
/// journey, only what is said in the same rooms waits.
const AIM: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(20)];

/// Words that are known to be in `search_terms`.
#[derive(Debug, Default)]
pub struct Known(Mutex<Words>);

#[derive(Debug)]
struct Words {
    step: i64,
    hasher: RandomState,
    known: HashSet<u64>,
    /// As `meta` said when they were put in: words that went since are not known.
    gone: i64,
}

/// New words of one transaction: remembered once it is committed.
#[derive(Debug, Default)]
pub struct Met {
    hashes: HashSet<u64>,
    gone: i64,
    /// As many messages as a step should have, by how long this one took.
    step: Option<i64>,
}

impl Default for Words {
    fn default() -> Self {
        Words { step: STEPS.0, hasher: RandomState::new(), known: HashSet::new(), gone: 0 }
    }
}

impl Known {
    /// Messages of the next step.
    pub(super) fn step(&self) -> i64 {
        self.0.lock().step
    }

    /// Puts words into the table that may not be there.
    pub(super) fn meet<'a>(
        &self,
        tx: &mut Tx<'_>,
        words: impl Iterator<Item = (TenantId, &'a str)>,
    ) -> Result<Met> {
        let gone = gone(tx)?;
        let (mut new, mut hashes) = (Vec::new(), HashSet::new());
        {
            let known = self.0.lock();
            for word in words {
                let hash = known.hasher.hash_one(word);
                let fresh = known.gone != gone || !known.known.contains(&hash);
                if fresh && hashes.insert(hash) {
                    new.push(word);
                }
            }
        }
        for (tenant, word) in new {
            insert(tx, tenant, word)?;
        }
        Ok(Met { hashes, gone, step: None })
    }

    /// Remembers what a committed transaction met.
    pub fn remember(&self, met: Met) {
        let mut known = self.0.lock();
        if known.gone != met.gone || known.known.len() > REMEMBERED {
            known.known.clear();
            known.gone = met.gone;
        }
        // Dear ones count at once, a cheap one may have been so by chance.
        let step = met.step.unwrap_or(known.step).min(known.step * 2);
        known.step = step.clamp(STEPS.1, STEPS.2);
        known.known.extend(met.hashes);
    }
}

impl Met {
    /// Says how long the step took, and how many messages it had.
    pub(super) fn took(&mut self, time: Duration, messages: usize, postgres: bool) {
        let (aim, each) = (AIM[usize::from(postgres)], time.as_micros() / messages.max(1) as u128);
        let most = aim.as_micros() / each.max(1);
        self.step = (messages > 0).then(|| i64::try_from(most).unwrap_or(i64::MAX));
    }
}

/// Puts a word in, where it is new.
pub(super) fn insert(tx: &mut Tx<'_>, tenant: TenantId, word: &str) -> Result<()> {
    let new = tx.exec(
        "insert into search_terms (tenant, word) values ($1, $2) on conflict (tenant, word) do nothing",
        params![tenant, word],
    )?;
    if new == 1 {
        for part in parts(word) {
            tx.exec(
                "insert into search_parts (tenant, part, word) values ($1, $2, $3)
                 on conflict (tenant, part, word) do nothing",
                params![tenant, &part, word],
            )?;
        }
    }
    Ok(())
}

/// Takes words out that no message has any more.
pub(super) fn forget(tx: &mut Tx<'_>, tenant: TenantId, words: &BTreeSet<String>) -> Result<()> {
    let index = dialect::of(tx.is_postgres());
    let mut went = false;
    for word in words {
        let whole = Token { text: word.clone(), prefix: false };
        if index.any(tx, &vec![vec![tenant_token(tenant)], vec![whole]])? {
            continue;
        }
        went = true;
        tx.exec("delete from search_terms where tenant = $1 and word = $2", params![tenant, word])?;
        for part in parts(word) {
            tx.exec(
                "delete from search_parts where tenant = $1 and part = $2 and word = $3",
                params![tenant, &part, word],
            )?;
        }
    }
    if went {
        let next = gone(tx)? + 1;
        tx.exec(
            "insert into meta (name, value) values ('search-gone', $1)
             on conflict (name) do update set value = excluded.value",
            params![&next.to_string()],
        )?;
    }
    Ok(())
}

/// How often words have gone.
fn gone(read: &mut Read<'_>) -> Result<i64> {
    let gone = read.one("select value from meta where name = 'search-gone'", &[], |row| {
        row.get::<String>(0)
    })?;
    Ok(gone.and_then(|gone| gone.parse().ok()).unwrap_or(0))
}

/// The words in which `part` stands: the first ones in order when they are very many.
pub(super) fn with(read: &mut Read<'_>, tenant: TenantId, part: &str) -> Result<Vec<String>> {
    let keys = parts(part);
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Ok(Vec::new()) };
    let mut found = read.all(
        "select a.word from search_parts a
            join search_parts b on b.tenant = a.tenant and b.part = $1 and b.word = a.word
         where a.tenant = $2 and a.part = $3 order by a.word",
        params![last, tenant, first],
        |row| row.get::<String>(0),
    )?;
    found.retain(|word| word.contains(part));
    found.truncate(MANY);
    Ok(found)
}
