//! Highlighting: comments, texts, numbers and words of a language. It reads a block once from front
//! to back and knows no grammar; what it does not know stays plain.

use super::{Kind, Token};

/// What is worth telling of a language.
struct Language {
    names: &'static [&'static str],
    /// From here to the end of the line.
    line: &'static [&'static str],
    /// From here to there.
    block: &'static [(&'static str, &'static str)],
    quotes: &'static [char],
    words: &'static str,
    /// Words may be written in any case.
    any_case: bool,
}

const C_BLOCK: &[(&str, &str)] = &[("/*", "*/")];

static LANGUAGES: &[Language] = &[
    Language {
        names: &["rust", "rs"],
        line: &["//"],
        block: C_BLOCK,
        quotes: &['"'],
        words: "as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod move mut pub ref return self Self static struct super trait true type unsafe use where while",
        any_case: false,
    },
    Language {
        names: &["js", "javascript", "ts", "typescript", "jsx", "tsx", "mjs"],
        line: &["//"],
        block: C_BLOCK,
        quotes: &['"', '\'', '`'],
        words: "as async await break case catch class const continue default delete do else enum export extends false finally for from function get if implements import in instanceof interface let new null of private public return set static super switch this throw true try type typeof undefined var void while yield",
        any_case: false,
    },
    Language {
        names: &["py", "python"],
        line: &["#"],
        block: &[("\"\"\"", "\"\"\""), ("'''", "'''")],
        quotes: &['"', '\''],
        words: "and as assert async await break class continue def del elif else except False finally for from global if import in is lambda None nonlocal not or pass raise return True try while with yield",
        any_case: false,
    },
    Language {
        names: &["go", "golang"],
        line: &["//"],
        block: C_BLOCK,
        quotes: &['"', '`', '\''],
        words: "break case chan const continue default defer else fallthrough false for func go goto if import interface map nil package range return select struct switch true type var",
        any_case: false,
    },
    Language {
        names: &[
            "c", "h", "cpp", "c++", "hpp", "java", "cs", "csharp", "kotlin", "kt", "swift", "php",
        ],
        line: &["//"],
        block: C_BLOCK,
        quotes: &['"', '\''],
        words: "abstract auto bool boolean break case catch char class const continue default delete do double else enum extends extern false final finally float for foreach fun func if implements import include int interface let long namespace new null nullptr override package private protected public return short signed sizeof static string struct super switch template this throw throws true try typedef unsigned using val var virtual void volatile when while",
        any_case: false,
    },
    Language {
        names: &["sh", "bash", "shell", "zsh", "console"],
        line: &["#"],
        block: &[],
        quotes: &['"', '\''],
        words: "case do done elif else esac exit export fi for function if in local return set then until while",
        any_case: false,
    },
    Language {
        names: &["sql", "postgres", "sqlite"],
        line: &["--"],
        block: C_BLOCK,
        quotes: &['\''],
        words: "all and as asc between by case commit create cross default delete desc distinct drop else end exists foreign from full group having in index inner insert into is join key left like limit not null offset on or order outer primary references returning right select set table then union unique update values view when where with",
        any_case: true,
    },
    Language {
        names: &["json", "json5", "jsonc"],
        line: &["//"],
        block: C_BLOCK,
        quotes: &['"'],
        words: "true false null",
        any_case: false,
    },
    Language {
        names: &["yaml", "yml", "toml", "ini", "conf", "dockerfile", "makefile"],
        line: &["#"],
        block: &[],
        quotes: &['"', '\''],
        words: "true false null yes no on off",
        any_case: true,
    },
    Language {
        names: &["html", "xml", "svg"],
        line: &[],
        block: &[("<!--", "-->")],
        quotes: &['"'],
        words: "",
        any_case: false,
    },
    Language {
        names: &["css", "scss", "less"],
        line: &[],
        block: C_BLOCK,
        quotes: &['"', '\''],
        words: "import media supports layer keyframes important",
        any_case: false,
    },
];

/// The parts of a block; one plain part where the language is not known.
pub(super) fn tokens(lang: &str, text: &str) -> Vec<Token> {
    if matches!(lang, "diff" | "patch") {
        return difference(text);
    }
    match LANGUAGES.iter().find(|language| language.names.contains(&lang)) {
        Some(language) => Scan { language, text, out: Vec::new(), plain: 0 }.run(),
        None if text.is_empty() => Vec::new(),
        None => vec![Token { text: text.to_owned(), kind: None }],
    }
}

fn difference(text: &str) -> Vec<Token> {
    let kind = |line: &str| match line.as_bytes().first() {
        Some(b'+') => Some(Kind::Added),
        Some(b'-') => Some(Kind::Removed),
        Some(b'@') => Some(Kind::Comment),
        _ => None,
    };
    let lines = text.split_inclusive('\n');
    lines.map(|line| Token { text: line.to_owned(), kind: kind(line) }).collect()
}

struct Scan<'a> {
    language: &'static Language,
    text: &'a str,
    out: Vec<Token>,
    /// Where what is plain begins.
    plain: usize,
}

impl Scan<'_> {
    fn run(mut self) -> Vec<Token> {
        let mut at = 0;
        while at < self.text.len() {
            let rest = &self.text[at..];
            let first = rest.chars().next().expect("there is more");
            let found = self.comment(rest).or_else(|| self.quoted(rest, first));
            let (length, kind) = match found {
                Some(found) => found,
                None if first.is_alphanumeric() || first == '_' => self.word(rest),
                None => (first.len_utf8(), None),
            };
            if kind.is_some() {
                self.flush(at);
                self.put(at, at + length, kind);
                self.plain = at + length;
            }
            at += length;
        }
        self.flush(at);
        self.out
    }

    fn flush(&mut self, to: usize) {
        if self.plain < to {
            self.put(self.plain, to, None);
        }
    }

    fn put(&mut self, from: usize, to: usize, kind: Option<Kind>) {
        self.out.push(Token { text: self.text[from..to].to_owned(), kind });
    }

    fn comment(&self, rest: &str) -> Option<(usize, Option<Kind>)> {
        if self.language.line.iter().any(|mark| rest.starts_with(mark)) {
            return Some((rest.find('\n').unwrap_or(rest.len()), Some(Kind::Comment)));
        }
        let (open, shut) = self.language.block.iter().find(|(open, _)| rest.starts_with(open))?;
        let end = rest[open.len()..].find(shut);
        let length = end.map_or(rest.len(), |end| open.len() + end + shut.len());
        let text = matches!(*open, "\"\"\"" | "'''");
        Some((length, Some(if text { Kind::String } else { Kind::Comment })))
    }

    /// A text ends with its line where nothing closes it.
    fn quoted(&self, rest: &str, first: char) -> Option<(usize, Option<Kind>)> {
        if !self.language.quotes.contains(&first) {
            return None;
        }
        let mut escaped = false;
        for (at, sign) in rest.char_indices().skip(1) {
            match sign {
                '\n' if first != '`' => return Some((at, Some(Kind::String))),
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if sign == first => return Some((at + sign.len_utf8(), Some(Kind::String))),
                _ => {}
            }
        }
        Some((rest.len(), Some(Kind::String)))
    }

    fn word(&self, rest: &str) -> (usize, Option<Kind>) {
        let number = rest.starts_with(|c: char| c.is_ascii_digit());
        let belongs = |c: char| c.is_alphanumeric() || c == '_' || (number && c == '.');
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        let word = &rest[..length];
        let same = |known: &str| {
            if self.language.any_case { known.eq_ignore_ascii_case(word) } else { known == word }
        };
        let kind = if number {
            Some(Kind::Number)
        } else if self.language.words.split(' ').any(same) {
            Some(Kind::Keyword)
        } else {
            None
        };
        (length, kind)
    }
}
