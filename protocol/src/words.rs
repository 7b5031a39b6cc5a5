//! Words of a text, for search: server, core and highlights split and fold alike, so all find the
//! same and a highlight stands where the index matched.
//!
//! Folding is NFKC with full case folding. A word is a run of letters and digits; marks stay with
//! the letter they stand on, invisible characters are dropped, everything else parts words, so
//! `l'été` is found by `été` and `Ada's` by `Ada`. Chinese, Japanese and Korean are not spaced by
//! word: their runs become overlapping pairs, with the last character once more alone, so that one
//! character is found wherever it stands (as the beginning of a pair, or as that last one). The
//! cost: Thai, Lao and Khmer runs are one word each, found by their beginning only.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Version of the rules below. An index that was fed by another one is rebuilt.
pub const VERSION: u32 = 1;

/// One word of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    /// Folded.
    pub text: String,
    /// First character, counted in Unicode scalar values of the text as it was given.
    pub start: usize,
    /// Behind the last character.
    pub end: usize,
}

/// One word that a text must have to be found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Term {
    /// Folded.
    pub text: String,
    /// A word that begins with it will do.
    pub prefix: bool,
    /// A word in which it stands anywhere will do.
    pub part: bool,
}

impl Term {
    /// How well a word answers: 3 it is the word, 2 the word begins with it, 1 it stands inside, 0
    /// not at all.
    pub fn strength(&self, word: &str) -> u32 {
        if word == self.text {
            3
        } else if (self.prefix || self.part) && word.starts_with(&self.text) {
            2
        } else {
            u32::from(self.part && word.contains(&self.text))
        }
    }
}

/// The words of a text, in order.
pub fn words(text: &str) -> Vec<Word> {
    tokens(text, true).into_iter().map(|token| token.word).collect()
}

/// What a search asks for; a text is found when it has every term. The last word counts as begun
/// while nothing stands behind it.
pub fn query(text: &str) -> Vec<Term> {
    let length = text.chars().count();
    let mut terms: Vec<Term> = Vec::new();
    for token in tokens(text, false) {
        let prefix = token.paired == Some(1) || token.word.end == length;
        let term = Term { text: token.word.text, prefix, part: false };
        match terms.iter_mut().find(|known| known.text == term.text) {
            // A whole word asks for more than its beginning.
            Some(known) => known.prefix &= term.prefix,
            None => terms.push(term),
        }
    }
    terms
}

/// Where a text matches: `[start, end)` in characters, in order, apart from each other.
pub fn ranges(text: &str, terms: &[Term]) -> Vec<(usize, usize)> {
    merged(tokens(text, true).iter().filter_map(|token| token.range(terms)).collect())
}

/// Ranges in order and apart from each other.
fn merged(mut ranges: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    ranges.sort_unstable();
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (start, end) in ranges {
        match found.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => found.push((start, end)),
        }
    }
    found
}

/// Whether a text has every term: what an index would find, for a text that is in none.
pub fn has_all(text: &str, terms: &[Term]) -> bool {
    let words = words(text);
    let has = |term: &Term| words.iter().any(|word| term.strength(&word.text) > 0);
    !terms.is_empty() && terms.iter().all(has)
}

/// A text taken apart once, to be held against what a search asks.
pub struct Read {
    tokens: Vec<Token>,
    /// Words and single characters, as they follow each other.
    units: Vec<Word>,
}

impl Read {
    /// Takes a text apart.
    pub fn new(text: &str) -> Read {
        Read { tokens: tokens(text, true), units: units(text) }
    }

    /// How well the text answers each term; none when it lacks one. Terms that stand beside each
    /// other in the order asked for count for more.
    pub fn strength(&self, terms: &[Term]) -> Option<u32> {
        let best = |term: &Term| {
            self.tokens.iter().map(|token| term.strength(&token.word.text)).max().unwrap_or(0)
        };
        let mut strength = 0;
        for term in terms {
            match best(term) {
                0 => return None,
                found => strength += found,
            }
        }
        let beside = |pair: &[Term]| {
            self.tokens.windows(2).any(|words| {
                pair[0].strength(&words[0].word.text) > 0
                    && pair[1].strength(&words[1].word.text) > 0
            })
        };
        let near = terms.windows(2).filter(|pair| beside(pair)).count();
        Some(strength + u32::try_from(near).unwrap_or(0))
    }

    /// Where the terms stand, and where these words stand one after the other.
    pub fn ranges(&self, terms: &[Term], phrases: &[&[String]]) -> Vec<(usize, usize)> {
        let mut found: Vec<_> = self.tokens.iter().filter_map(|token| token.range(terms)).collect();
        phrases.iter().for_each(|phrase| found.extend(self.phrase(phrase)));
        merged(found)
    }

    /// Where these words stand one after the other.
    pub fn phrase<'a>(&'a self, phrase: &'a [String]) -> impl Iterator<Item = (usize, usize)> + 'a {
        self.units.windows(phrase.len().max(1)).filter_map(move |units| {
            let same = units.iter().map(|unit| &unit.text).eq(phrase);
            same.then(|| (units[0].start, units[units.len() - 1].end))
        })
    }
}

/// The words of a text with its Chinese, Japanese and Korean characters one by one.
pub fn units(text: &str) -> Vec<Word> {
    let mut runs = Runs { tokens: Vec::new(), word: None, run: Vec::new(), cut: Cut::Single };
    runs.read(text);
    runs.tokens.into_iter().map(|token| token.word).collect()
}

/// A text as its words are compared: NFKC, full case folding, nothing invisible. The four letters
/// i of Turkish are one, because without its language nobody can say which small letter an `I` is.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let seen = |c: &char| !is_ignorable(*c);
    let once: String =
        caseless::default_case_fold_str(&text.chars().filter(seen).nfd().collect::<String>());
    let twice = caseless::default_case_fold_str(&once.nfkd().collect::<String>());
    let mut base = ' ';
    let dots = |c: &char| {
        if !is_combining_mark(*c) {
            base = *c;
        }
        !(*c == '\u{307}' && base == 'i')
    };
    let dotless = |c| if c == 'ı' { 'i' } else { c };
    twice.nfkd().filter(seen).map(dotless).filter(dots).nfkc().collect()
}

/// A word on its way: `paired` says of how many characters of a Chinese, Japanese or Korean run it
/// is made.
struct Token {
    word: Word,
    first_end: usize,
    paired: Option<usize>,
}

impl Token {
    /// What of it the terms ask for.
    fn range(&self, terms: &[Term]) -> Option<(usize, usize)> {
        let strength = terms.iter().map(|term| term.strength(&self.word.text)).max().unwrap_or(0);
        match (self.paired, strength) {
            (_, 0) => None,
            (_, 3) | (None, _) => Some((self.word.start, self.word.end)),
            // Half a pair was asked for: only that character is marked.
            (Some(_), _) => Some((self.word.start, self.first_end)),
        }
    }
}

fn tokens(text: &str, tails: bool) -> Vec<Token> {
    let cut = if tails { Cut::PairsAndTails } else { Cut::Pairs };
    let mut runs = Runs { tokens: Vec::new(), word: None, run: Vec::new(), cut };
    runs.read(text);
    runs.tokens
}

/// Into what a run of Chinese, Japanese or Korean is cut.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// As a search asks.
    Pairs,
    /// As a text is found: its last character is alone once more.
    PairsAndTails,
    Single,
}

/// The word and the run of paired characters that are being read; at most one of them is begun.
struct Runs {
    tokens: Vec<Token>,
    word: Option<Word>,
    run: Vec<Word>,
    cut: Cut,
}

impl Runs {
    /// Folds a text character by character (each with its marks), so that every folded letter knows
    /// where it stood.
    fn read(&mut self, text: &str) {
        let mut chars = text.char_indices().enumerate().peekable();
        while let Some((start, (from, c))) = chars.next() {
            // Most of most texts: nothing stands on the letter, and folding it is one step.
            if c.is_ascii() && chars.peek().is_none_or(|(_, (_, next))| next.is_ascii()) {
                if c.is_ascii_alphanumeric() {
                    self.letter(c.to_ascii_lowercase(), start, start + 1);
                } else {
                    self.end();
                }
                continue;
            }
            let mut end = start + 1;
            while chars.next_if(|(_, (_, c))| continues(*c)).is_some() {
                end += 1;
            }
            let to = chars.peek().map_or(text.len(), |(_, (byte, _))| *byte);
            let cluster = &text[from..to];
            if is_emoji(cluster) {
                self.end();
            } else {
                fold(cluster).chars().for_each(|c| self.push(c, start, end));
            }
        }
        self.end();
    }

    fn push(&mut self, c: char, start: usize, end: usize) {
        if is_letter(c) && is_paired(c) {
            self.end_word();
            self.run.push(Word { text: c.into(), start, end });
        } else if is_letter(c) {
            self.letter(c, start, end);
        } else if !is_combining_mark(c) {
            self.end();
        } else if let Some(word) = self.word.as_mut().or(self.run.last_mut()) {
            word.text.push(c);
            word.end = end;
        }
    }

    fn letter(&mut self, c: char, start: usize, end: usize) {
        self.end_run();
        let word = self.word.get_or_insert_with(|| Word { text: String::new(), start, end });
        word.text.push(c);
        word.end = end;
    }

    fn end(&mut self) {
        self.end_word();
        self.end_run();
    }

    fn end_word(&mut self) {
        if let Some(word) = self.word.take() {
            self.tokens.push(Token { first_end: word.end, word, paired: None });
        }
    }

    fn end_run(&mut self) {
        if self.cut == Cut::Single {
            let alone = self.run.drain(..);
            let token = |word: Word| Token { first_end: word.end, word, paired: Some(1) };
            return self.tokens.extend(alone.map(token));
        }
        for pair in self.run.windows(2) {
            let text = format!("{}{}", pair[0].text, pair[1].text);
            let word = Word { text, start: pair[0].start, end: pair[1].end };
            self.tokens.push(Token { word, first_end: pair[0].end, paired: Some(2) });
        }
        let alone = self.run.len() == 1;
        if let Some(word) = self.run.pop().filter(|_| alone || self.cut == Cut::PairsAndTails) {
            self.tokens.push(Token { first_end: word.end, word, paired: Some(1) });
        }
        self.run.clear();
    }
}

fn is_letter(c: char) -> bool {
    // U+1F000–U+1FAFF: pictures, among them letters in boxes that Unicode counts as letters.
    c.is_alphanumeric() && !matches!(c, '\u{1f000}'..='\u{1faff}')
}

/// A character drawn as a picture: digits as keys, and whatever asks to be drawn in colour.
fn is_emoji(cluster: &str) -> bool {
    cluster.contains(['\u{fe0f}', '\u{20e3}'])
}

/// It belongs to the character before it: marks, invisible ones, vowels and finals of a Korean
/// syllable, and the sound marks of half-width Japanese.
fn continues(c: char) -> bool {
    is_combining_mark(c)
        || is_ignorable(c)
        || matches!(c, '\u{1160}'..='\u{11ff}' | '\u{d7b0}'..='\u{d7fb}' | '\u{ff9e}'..='\u{ff9f}')
}

/// Drawn as nothing: joiners, soft hyphens, direction marks, fillers, variation selectors, and the
/// Arabic letter stretcher. (U+200B is a gap between words and is not among them.)
fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{640}' | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200c}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

/// Han, Hiragana, Katakana, Hangul (after NFKC: half-width and compatibility forms are gone).
fn is_paired(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11ff}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}'
        | '\u{3038}'..='\u{303b}' | '\u{3041}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}' | '\u{1aff0}'..='\u{1b16f}'
        | '\u{20000}'..='\u{3ffff}')
}
