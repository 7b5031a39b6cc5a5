//! Rules for text that both ends apply alike: NFC, no U+0000, limits in Unicode scalar values,
//! folding of names, removal of bidirectional controls from names.

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// What is wrong with a text; the words follow the field's name ("name is too long (81 of 80)").
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Wrong {
    /// It must say something.
    #[error("is empty")]
    Empty,
    /// Characters found, characters allowed.
    #[error("is too long ({0} of {1})")]
    TooLong(usize, usize),
    /// Characters found, characters needed.
    #[error("is too short ({0}, at least {1})")]
    TooShort(usize, usize),
    /// U+0000, or a control character in a name.
    #[error("has a character that is not allowed")]
    Character,
    /// Letters and their marks apart, where one character has both.
    #[error("is not in Unicode form NFC")]
    NotComposed,
    /// A user name with something else than letters, digits, `.`, `_`, `-`.
    #[error("may have letters, digits, “.”, “_” and “-” only")]
    NotAName,
}

/// A text in the form in which it travels; for whoever takes it from a keyboard or a file.
pub fn composed(text: &str) -> String {
    text.nfc().collect()
}

/// Text as it is stored: NFC, at most `max` characters, without U+0000. May be empty.
pub fn checked(text: &str, max: usize) -> Result<String, Wrong> {
    if text.contains('\0') {
        return Err(Wrong::Character);
    }
    if !is_nfc(text) {
        return Err(Wrong::NotComposed);
    }
    match text.chars().count() {
        n if n > max => Err(Wrong::TooLong(n, max)),
        _ => Ok(text.to_owned()),
    }
}

/// A line people see as a name: trimmed, NFC, 1…`max` characters, without control characters;
/// bidirectional controls are dropped, for they could turn the line around what stands beside it.
pub fn label(text: &str, max: usize) -> Result<String, Wrong> {
    let text = checked(text, usize::MAX)?;
    let text: String = text.chars().filter(|c| !is_bidi_control(*c)).collect();
    let text = text.trim();
    match text.chars().count() {
        0 => Err(Wrong::Empty),
        n if n > max => Err(Wrong::TooLong(n, max)),
        _ if text.chars().any(char::is_control) => Err(Wrong::Character),
        _ => Ok(text.to_owned()),
    }
}

/// A user name: 1–50 letters, digits, `.`, `_`, `-`, and nothing around them.
pub fn name(text: &str) -> Result<String, Wrong> {
    let name = checked(text, crate::limits::NAME_MAX)?;
    match name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-')) {
        _ if name.is_empty() => Err(Wrong::Empty),
        false => Err(Wrong::NotAName),
        true => Ok(name),
    }
}

/// The form in which names are compared: full case folding (Unicode, default caseless match)
/// between two normalisations. U+0000, which no name has and not every database takes, becomes the
/// replacement character.
pub fn folded(text: &str) -> String {
    let text: String = text.nfd().map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect();
    caseless::default_case_fold_str(&text).nfc().collect()
}

/// U+061C, U+200E, U+200F, U+202A–U+202E, U+2066–U+2069.
pub fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_composed_and_its_characters_counted() {
        assert_eq!(checked("e\u{301}", 9), Err(Wrong::NotComposed));
        assert_eq!(checked(&composed("e\u{301}"), 1), Ok("é".into()));
        assert_eq!(checked("ab", 1), Err(Wrong::TooLong(2, 1)));
        assert_eq!(checked("a\0", 9), Err(Wrong::Character));
        assert_eq!(checked("", 1), Ok(String::new()));
    }

    #[test]
    fn a_label_cannot_turn_the_line_around() {
        assert_eq!(label(" \u{202e}Ada\u{202c} ", 80), Ok("Ada".into()));
        assert_eq!(label("\u{2066}\u{2069}", 80), Err(Wrong::Empty));
        assert_eq!(label("a\nb", 80), Err(Wrong::Character));
    }

    #[test]
    fn names_are_equal_whatever_their_case() {
        assert_eq!(name("Ada.L-9_x"), Ok("Ada.L-9_x".into()));
        for wrong in ["a b", " a", "a\n", "a\u{202e}b"] {
            assert_eq!(name(wrong), Err(Wrong::NotAName), "{wrong:?}");
        }
        assert_eq!(name(""), Err(Wrong::Empty));
        assert_eq!(folded("STRASSE"), folded("straße"));
        assert_eq!(folded("ÄDA"), folded("a\u{308}da"));
    }
}
