//! What a person types into a search, read once for server and client: words, beginnings, parts of
//! words, phrases, what must not be there, and operators.
//!
//! `tea` is a word; the last one typed may go on, or stand inside a longer one. `"green tea"` stands
//! as it is written, `*kuchen` finds it inside a word, `te*` its beginnings, `-milk` must be absent.
//! Operators: `from: in: mentions:` a name, `me`, or an id; `has:` link, file, image, reaction; `is:`
//! pinned, thread; `before: after: on:` a day (UTC). A minus before an operator turns it around, but
//! for days. Several people of one operator are any of them, everything else must hold together.
//! What looks like an operator and is none is words; a known one with a value that cannot be is
//! refused.

use crate::ids::Millis;
use crate::words::{self, Read, Term};
use std::collections::BTreeSet;

/// Most characters of a search.
pub const LENGTH_MAX: usize = 500;
/// Most words it asks for; each costs a look into the index.
pub const WORDS_MAX: usize = 20;
/// Shortest part of a word that is looked for; shorter ones stand in nearly every word.
pub const PART_MIN: usize = 3;
/// Letters of a word that are looked up; what is found is held against the whole word.
pub const LONG: usize = 64;
/// A day.
const DAY: Millis = 24 * 3_600_000;

/// A search, understood.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Query {
    /// A text is found when it has all of them.
    pub terms: Vec<Term>,
    /// Words one after the other.
    pub phrases: Vec<Vec<String>>,
    /// What a text must not have: any of these groups.
    pub without: Vec<Without>,
    /// People and rooms.
    pub named: Vec<Named>,
    /// What a message has or is.
    pub marks: Vec<Mark>,
    /// Not before then.
    pub from_at: Option<Millis>,
    /// Before then.
    pub to_at: Option<Millis>,
}

/// Something that must not be there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Without {
    /// All of these words.
    Terms(Vec<Term>),
    /// These words one after the other.
    Phrase(Vec<String>),
}

/// What a name is the name of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    /// The sender.
    From,
    /// The room.
    In,
    /// Whom the message names.
    Mentions,
}

/// A person or room somebody asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named {
    /// As what.
    pub who: Who,
    /// Name, id, or `me`; not folded.
    pub name: String,
    /// Everything but this.
    pub not: bool,
}

/// Something a message has or is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trait {
    /// An address of the web in its text.
    Link,
    /// A file.
    File,
    /// A picture.
    Image,
    /// A reaction that is on.
    Reaction,
    /// Pinned in its room.
    Pinned,
    /// Part of a thread.
    Thread,
}

/// A [`Trait`] that somebody asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// Which.
    pub of: Trait,
    /// Everything without it.
    pub not: bool,
}

/// Where a text answers a search, and how well.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// `[start, end)` in Unicode scalar values, in order, apart from each other.
    pub ranges: Vec<(usize, usize)>,
    /// More is better; of one search only.
    pub score: u32,
}

impl Query {
    /// Reads what was typed; the refusal says what is wrong with it.
    pub fn parse(text: &str) -> Result<Query, String> {
        let length = text.chars().count();
        if length > LENGTH_MAX {
            return Err(format!("is too long ({length} of {LENGTH_MAX})"));
        }
        let mut query = Query::default();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (piece, after) = Piece::next(rest);
            query.take(&piece, after.is_empty())?;
            rest = after.trim_start();
        }
        let asked = query.terms.len()
            + query.phrases.iter().map(Vec::len).sum::<usize>()
            + query.without.iter().map(Without::len).sum::<usize>();
        if asked > WORDS_MAX {
            return Err(format!("asks for too many words ({asked} of {WORDS_MAX})"));
        }
        Ok(query)
    }

    /// It asks for nothing: what it leaves out is left out of nothing.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
            && self.phrases.is_empty()
            && self.named.iter().all(|named| named.not)
            && self.marks.iter().all(|mark| mark.not)
            && self.from_at.is_none()
            && self.to_at.is_none()
    }

    /// Whether a text has the words, where, and how well it answers.
    pub fn find(&self, text: &str) -> Option<Found> {
        if self.terms.is_empty() && self.phrases.is_empty() && self.without.is_empty() {
            return Some(Found { ranges: Vec::new(), score: 0 });
        }
        let read = Read::new(text);
        let mut score = read.strength(&self.terms)?;
        for phrase in &self.phrases {
            read.phrase(phrase).next()?;
            score += u32::try_from(phrase.len()).unwrap_or(0) * 4;
        }
        if self.without.iter().any(|without| without.is_in(&read)) {
            return None;
        }
        let phrases: Vec<&[String]> = self.phrases.iter().map(Vec::as_slice).collect();
        Some(Found { ranges: read.ranges(&self.terms, &phrases), score })
    }

    fn take(&mut self, piece: &Piece<'_>, last: bool) -> Result<(), String> {
        if let Some(operator) = piece.operator {
            return self.operator(operator, piece.text, piece.not);
        }
        let words = if piece.quoted {
            Without::Phrase(words::units(piece.text).into_iter().map(|unit| unit.text).collect())
        } else {
            Without::Terms(terms(piece.text, last && !piece.not))
        };
        match words {
            words if words.len() == 0 => {}
            words if piece.not => self.without.push(words),
            Without::Phrase(words) => self.phrases.push(words),
            Without::Terms(terms) => {
                for term in terms {
                    match self.terms.iter_mut().find(|known| known.text == term.text) {
                        // A whole word asks for more than its beginning.
                        Some(known) => {
                            known.prefix &= term.prefix;
                            known.part &= term.part;
                        }
                        None => self.terms.push(term),
                    }
                }
            }
        }
        Ok(())
    }

    fn operator(&mut self, operator: &str, value: &str, not: bool) -> Result<(), String> {
        let who = match operator {
            "from" => Some(Who::From),
            "in" => Some(Who::In),
            "mentions" => Some(Who::Mentions),
            _ => None,
        };
        let value = value.trim();
        if let Some(who) = who {
            let name = value.trim_start_matches(['@', '#', '~']).to_owned();
            if name.is_empty() {
                return Err(format!("says {operator}: without a name"));
            }
            self.named.push(Named { who, name, not });
            return Ok(());
        }
        let of = match (operator, value.to_lowercase().as_str()) {
            ("has", "link") => Trait::Link,
            ("has", "file") => Trait::File,
            ("has", "image") => Trait::Image,
            ("has", "reaction") => Trait::Reaction,
            ("is", "pinned") => Trait::Pinned,
            ("is", "thread") => Trait::Thread,
            ("has", _) => return Err("knows has:link, file, image and reaction".into()),
            ("is", _) => return Err("knows is:pinned and is:thread".into()),
            _ => return self.day(operator, value, not),
        };
        self.marks.push(Mark { of, not });
        Ok(())
    }

    fn day(&mut self, operator: &str, value: &str, not: bool) -> Result<(), String> {
        let day = day(value).filter(|_| !not);
        let day = day.ok_or_else(|| format!("takes {operator}: and a day like 2026-01-31"))?;
        if operator != "before" {
            let from = if operator == "after" { day + DAY } else { day };
            self.from_at = self.from_at.max(Some(from));
        }
        if operator != "after" {
            let to = if operator == "on" { day + DAY } else { day };
            self.to_at = Some(self.to_at.map_or(to, |known| known.min(to)));
        }
        Ok(())
    }
}

impl Without {
    fn len(&self) -> usize {
        match self {
            Without::Terms(terms) => terms.len(),
            Without::Phrase(words) => words.len(),
        }
    }

    fn is_in(&self, read: &Read) -> bool {
        match self {
            Without::Terms(terms) => read.strength(terms).is_some(),
            Without::Phrase(words) => read.phrase(words).next().is_some(),
        }
    }
}

/// A word as far as it is looked up.
pub fn looked_up(word: &str) -> &str {
    word.char_indices().nth(LONG).map_or(word, |(end, _)| &word[..end])
}

/// Every three letters in a row of a word, each once: under these its parts are found.
pub fn parts(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    let parts: BTreeSet<String> =
        letters.windows(PART_MIN).map(|three| three.iter().collect()).collect();
    parts.into_iter().collect()
}

/// Whether a text has an address of the web.
pub fn has_link(text: &str) -> bool {
    text.match_indices("://").any(|(at, sign)| {
        let scheme = text[..at].rsplit(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or("");
        let host = text[at + sign.len()..].chars().next();
        ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
            && host.is_some_and(char::is_alphanumeric)
    })
}

/// The words of one piece without quotes. The last word typed may go on, or be a part.
fn terms(text: &str, last: bool) -> Vec<Term> {
    let (inside, begun) = (text.starts_with('*'), text.ends_with('*'));
    // While nothing stands behind it, a word may go on.
    let open =
        if last || begun { text.trim_end_matches('*').to_owned() } else { format!("{text} ") };
    let mut terms = words::query(&open);
    let loose = terms.len() - usize::from(last && !terms.is_empty());
    for (i, term) in terms.iter_mut().enumerate() {
        let long = term.text.chars().count() >= PART_MIN;
        term.part = long && ((inside && i == 0) || (i >= loose && term.prefix && !begun));
        term.prefix |= inside && i == 0;
    }
    terms
}

/// One piece of what was typed: a word with what is written together with it, or a phrase; before it
/// perhaps a minus and an operator.
struct Piece<'a> {
    not: bool,
    operator: Option<&'static str>,
    quoted: bool,
    text: &'a str,
}

const OPERATORS: [&str; 8] = ["from", "in", "mentions", "has", "is", "before", "after", "on"];
/// Quotes as keyboards of several languages write them.
const OPEN: [char; 5] = ['"', '“', '„', '«', '”'];
const CLOSE: [char; 4] = ['"', '”', '“', '»'];

impl<'a> Piece<'a> {
    /// The first piece of a text that does not begin with space, and what follows it.
    fn next(text: &'a str) -> (Piece<'a>, &'a str) {
        let behind = text.strip_prefix('-').filter(|rest| {
            rest.starts_with(|c: char| c.is_alphanumeric() || c == '*' || OPEN.contains(&c))
        });
        let not = behind.is_some();
        let mut rest = behind.unwrap_or(text);
        let known = |name: &&&str| {
            rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
                && rest[name.len()..].starts_with(':')
        };
        let operator = OPERATORS.iter().find(known).copied();
        if let Some(name) = operator {
            rest = &rest[name.len() + 1..];
        }
        if let Some(inner) = rest.strip_prefix(OPEN) {
            let end = inner.find(CLOSE).unwrap_or(inner.len());
            let after = inner[end..].strip_prefix(CLOSE).unwrap_or("");
            return (Piece { not, operator, quoted: true, text: &inner[..end] }, after);
        }
        let end = rest
            .char_indices()
            .find(|(at, c)| c.is_whitespace() || (*at > 0 && OPEN.contains(c)))
            .map_or(rest.len(), |(at, _)| at);
        (Piece { not, operator, quoted: false, text: &rest[..end] }, &rest[end..])
    }
}

/// The first moment of a day `YYYY-MM-DD`, UTC.
fn day(text: &str) -> Option<Millis> {
    let mut parts = text.splitn(3, '-');
    let mut number = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<i64>().ok())?
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if year < 1970 || !(1..=length).contains(&day) {
        return None;
    }
    // Days of whole years, then of months: March first, so that the leap day comes last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some(days * DAY)
}
