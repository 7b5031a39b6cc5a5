//! What a text is made of: Markdown as people write it in a chat, as a tree the window draws node by
//! node. HTML strings never exist, here or there: what is not understood stays text, and nothing of
//! a text is ever lost. Where CommonMark would swallow what was written (HTML, entities, link
//! definitions) it stands as it was written.

mod build;
mod code;
mod words;

use serde::{Deserialize, Serialize};

/// A text deeper than this is drawn flat from there on: whoever nests means mischief.
const DEPTH: usize = 12;

/// A piece of a text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are the same everywhere: inside, text, url")]
pub enum Piece {
    /// Plain words.
    Text { text: String },
    /// `@name`; whether it means somebody the message says.
    Name { text: String },
    /// A new line.
    Break,
    /// Code within a line.
    Code { text: String },
    /// An address that may be opened.
    Link { url: String, inside: Vec<Piece> },
    /// Stands out.
    Strong { inside: Vec<Piece> },
    /// Is stressed.
    Em { inside: Vec<Piece> },
    /// Is taken back.
    Strike { inside: Vec<Piece> },
    /// Is read by who wants to.
    Spoiler { inside: Vec<Piece> },
    /// A paragraph.
    Para { inside: Vec<Piece> },
    /// A heading, 1 to 6.
    Heading { level: u8, inside: Vec<Piece> },
    /// What somebody else said.
    Quote { inside: Vec<Piece> },
    /// A list; numbered from `start`.
    List { start: Option<u64>, items: Vec<Vec<Piece>> },
    /// A block of code.
    Pre { lang: String, code: Vec<Token> },
    /// A line across.
    Rule,
}

/// A part of a block of code.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Token {
    /// What it says.
    pub text: String,
    /// What it is, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
}

/// What a part of code is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// For people.
    Comment,
    /// A text of the program.
    String,
    /// A number.
    Number,
    /// A word of the language.
    Keyword,
    /// A line that came (of a difference).
    Added,
    /// A line that went.
    Removed,
}

/// The tree of a text.
pub(crate) fn tree(text: &str) -> Vec<Piece> {
    if text.is_empty() { Vec::new() } else { build::tree(text) }
}

#[cfg(test)]
mod tests;
