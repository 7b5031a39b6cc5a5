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
        let term = Term { text: token.word.text, prefix };
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
    let mut found: Vec<(usize, usize)> = Vec::new();
    for Token { word, first_end, paired } in tokens(text, true) {
        let whole = terms.iter().any(|term| term.text == word.text);
        let begun = || terms.iter().any(|term| term.prefix && word.text.starts_with(&term.text));
        let end = match paired {
            _ if whole => word.end,
            _ if !begun() => continue,
            // Half a pair was asked for: only that character is marked.
            Some(_) => first_end,
            None => word.end,
        };
        match found.last_mut() {
            Some(last) if word.start <= last.1 => last.1 = last.1.max(end),
            _ => found.push((word.start, end)),
        }
    }
    found
}

/// Whether a text has every term: what an index would find, for a text that is in none.
pub fn has_all(text: &str, terms: &[Term]) -> bool {
    let words = words(text);
    let has = |term: &Term| {
        let fits = |word: &Word| {
            word.text == term.text || term.prefix && word.text.starts_with(&term.text)
        };
        words.iter().any(fits)
    };
    !terms.is_empty() && terms.iter().all(has)
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

/// Folds a text character by character (each with its marks), so that every folded letter knows
/// where it stood.
fn tokens(text: &str, tails: bool) -> Vec<Token> {
    let mut runs = Runs { tokens: Vec::new(), word: None, run: Vec::new(), tails };
    let mut chars = text.char_indices().enumerate().peekable();
    while let Some((start, (from, _))) = chars.next() {
        let mut end = start + 1;
        while chars.next_if(|(_, (_, c))| continues(*c)).is_some() {
            end += 1;
        }
        let to = chars.peek().map_or(text.len(), |(_, (byte, _))| *byte);
        let cluster = &text[from..to];
        if is_emoji(cluster) {
            runs.end();
        } else {
            fold(cluster).chars().for_each(|c| runs.push(c, start, end));
        }
    }
    runs.end();
    runs.tokens
}

/// The word and the run of paired characters that are being read; at most one of them is begun.
struct Runs {
    tokens: Vec<Token>,
    word: Option<Word>,
    run: Vec<Word>,
    tails: bool,
}

impl Runs {
    fn push(&mut self, c: char, start: usize, end: usize) {
        if is_letter(c) && is_paired(c) {
            self.end_word();
            self.run.push(Word { text: c.into(), start, end });
        } else if is_letter(c) {
            self.end_run();
            let word = self.word.get_or_insert(Word { text: String::new(), start, end });
            word.text.push(c);
            word.end = end;
        } else if !is_combining_mark(c) {
            self.end();
        } else if let Some(word) = self.word.as_mut().or(self.run.last_mut()) {
            word.text.push(c);
            word.end = end;
        }
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
        for pair in self.run.windows(2) {
            let text = format!("{}{}", pair[0].text, pair[1].text);
            let word = Word { text, start: pair[0].start, end: pair[1].end };
            self.tokens.push(Token { word, first_end: pair[0].end, paired: Some(2) });
        }
        let alone = self.run.len() == 1;
        if let Some(word) = self.run.pop().filter(|_| alone || self.tails) {
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
