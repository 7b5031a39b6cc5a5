//! The few words the shell itself shows, from a language file like the window's.

use serde::Deserialize;
use std::sync::LazyLock;

/// All of them.
#[derive(Deserialize)]
pub struct Words {
    news: Plural,
    open: String,
}

#[derive(Deserialize)]
struct Plural {
    one: String,
    other: String,
}

static ENGLISH: LazyLock<Words> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../words/en.json")).expect("a test reads the same file")
});

/// The words in use.
pub fn words() -> &'static Words {
    &ENGLISH
}

impl Words {
    /// "3 new messages".
    pub fn news(&self, n: i64) -> String {
        let form = if n == 1 { &self.news.one } else { &self.news.other };
        form.replace("{n}", &n.to_string())
    }

    /// What a click on a notice does.
    pub fn open(&self) -> &str {
        &self.open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_file_is_whole() {
        assert_eq!(words().news(1), "1 new message");
        assert_eq!(words().news(40), "40 new messages");
        assert!(!words().open().is_empty());
    }
}
