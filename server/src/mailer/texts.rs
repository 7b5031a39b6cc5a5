//! The texts of mails: a plain one and a coloured one of each kind and language, built in and
//! exchangeable by a folder of files `KIND.LANGUAGE.txt` and `.html`. The first line of a plain one
//! is its subject. `{{words}}` are replaced by what they stand for; a wrong one is found at start.

use crate::store::mails::{Kind, Mail};
use anyhow::{Context, Result, bail, ensure};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// What is spoken where nothing else is.
const FALLBACK: &str = "en";
/// The words that may stand in braces.
const WORDS: [&str; 6] = ["server", "name", "account", "address", "link", "rooms"];
/// A text is no longer than this.
const TEXT_MAX: u64 = 64 * 1024;

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../templates/", $name)))),*]
    };
}

const BUILT_IN: [(&str, &str); 44] = built_in![
    "verify.en.txt",
    "verify.en.html",
    "verify.de.txt",
    "verify.de.html",
    "reset.en.txt",
    "reset.en.html",
    "reset.de.txt",
    "reset.de.html",
    "known.en.txt",
    "known.en.html",
    "known.de.txt",
    "known.de.html",
    "address.en.txt",
    "address.en.html",
    "address.de.txt",
    "address.de.html",
    "password.en.txt",
    "password.en.html",
    "password.de.txt",
    "password.de.html",
    "digest.en.txt",
    "digest.en.html",
    "digest.de.txt",
    "digest.de.html",
    "factor-on.en.txt",
    "factor-on.en.html",
    "factor-on.de.txt",
    "factor-on.de.html",
    "factor-off.en.txt",
    "factor-off.en.html",
    "factor-off.de.txt",
    "factor-off.de.html",
    "oidc-on.en.txt",
    "oidc-on.en.html",
    "oidc-on.de.txt",
    "oidc-on.de.html",
    "oidc-off.en.txt",
    "oidc-off.en.html",
    "oidc-off.de.txt",
    "oidc-off.de.html",
    "recovery.en.txt",
    "recovery.en.html",
    "recovery.de.txt",
    "recovery.de.html",
];

/// All of them, by file name.
pub struct Texts(HashMap<String, String>);

/// Subject, plain text, coloured text.
type Filled = (String, String, Option<String>);

impl Texts {
    /// Those built in, and over them those of a folder.
    pub fn open(folder: Option<&Path>) -> Result<Texts> {
        let built_in = BUILT_IN.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let mut texts: HashMap<String, String> = built_in.collect();
        let Some(folder) = folder else { return Ok(Texts(texts)) };
        let files = std::fs::read_dir(folder)
            .with_context(|| format!("mail_templates: {}", folder.display()))?;
        for file in files {
            let (file, name) = file.map(|file| (file.path(), file.file_name()))?;
            let name = name.to_string_lossy().into_owned();
            let Some(kind) = kind_of(&name) else { continue };
            ensure!(file.metadata()?.len() <= TEXT_MAX, "mail_templates: {name} is too long");
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("mail_templates: {name}"))?;
            check(&name, kind, &text)?;
            if name.ends_with(".txt") {
                // A coloured text that is not theirs would say something else than the plain one.
                texts.remove(&name.replace(".txt", ".html"));
            }
            texts.insert(name, text);
        }
        // In whatever order they were found: what the folder has of a pair is theirs.
        for file in std::fs::read_dir(folder)? {
            let file = file?;
            let name = file.file_name().to_string_lossy().into_owned();
            if name.ends_with(".html") && kind_of(&name).is_some() {
                texts.insert(name, std::fs::read_to_string(file.path())?);
            }
        }
        Ok(Texts(texts))
    }

    /// The languages that mails can be in.
    pub fn languages(&self) -> BTreeSet<&str> {
        self.0.keys().filter_map(|name| name.split('.').nth(1)).collect()
    }

    /// The texts of a mail, in the language of its reader or the next best; `rooms` are where
    /// something waits, and how much.
    pub fn fill(&self, mail: &Mail, link: Option<&str>, rooms: &[(String, i64)]) -> Result<Filled> {
        let kind = mail.kind.context("a kind of mail this version does not know")?.text();
        let find = |language: &str, form: &str| self.0.get(&format!("{kind}.{language}.{form}"));
        let language = mail.language.as_str();
        let language = find(language, "txt").map_or(FALLBACK, |_| language);
        let plain = find(language, "txt").context("no text")?;
        let word = |name: &str| match name {
            "server" => one_line(&mail.server),
            "name" => one_line(&mail.display_name),
            "account" => one_line(&mail.account),
            "address" => one_line(&mail.address),
            "rooms" => {
                let line = |(room, count): &(String, i64)| format!("{}: {count}", one_line(room));
                rooms.iter().map(line).collect::<Vec<_>>().join("\n")
            }
            _ => link.unwrap_or_default().to_owned(),
        };
        let (subject, text) = plain.split_once('\n').context("no text")?;
        let subject = subject.trim_start_matches("Subject:").trim();
        let html = find(language, "html").map(|text| filled(text, |name| escaped(&word(name))));
        Ok((filled(subject, word), filled(text.trim_start(), word), html))
    }
}

/// The kind of a file `KIND.LANGUAGE.txt` or `.html`.
fn kind_of(name: &str) -> Option<Kind> {
    let mut parts = name.split('.');
    let (kind, language, form) = (parts.next()?, parts.next()?, parts.next()?);
    let spoken =
        (2..=3).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_lowercase());
    let named = spoken && matches!(form, "txt" | "html") && parts.next().is_none();
    Kind::ALL.iter().find(|(_, text)| named && *text == kind).map(|(kind, _)| *kind)
}

/// Whether a text of the operator says what it must.
fn check(name: &str, kind: Kind, text: &str) -> Result<()> {
    let plain = name.ends_with(".txt");
    ensure!(
        !plain || text.starts_with("Subject:"),
        "mail_templates: {name} begins with no Subject:"
    );
    let words = text.split("{{").skip(1);
    let words: Vec<_> =
        words.map(|part| part.split_once("}}").map_or("", |(word, _)| word.trim())).collect();
    if words.iter().any(|word| !WORDS.contains(word)) {
        bail!("mail_templates: {name} has braces around none of {}", WORDS.join(", "));
    }
    let links = matches!(kind, Kind::Verify | Kind::Reset);
    ensure!(!links || words.contains(&"link"), "mail_templates: {name} has no {{{{link}}}}");
    Ok(())
}

/// The text with its words filled in, each once: what is filled in is not looked at again.
fn filled(text: &str, word: impl Fn(&str) -> String) -> String {
    let mut parts = text.split("{{");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once("}}") {
            Some((name, rest)) => {
                out.push_str(&word(name.trim()));
                out.push_str(rest);
            }
            None => out.push_str(part),
        }
    }
    out
}

fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(kind: Kind, language: &str) -> Mail {
        Mail {
            id: "7".into(),
            person: hallway_protocol::ids::UserId(9),
            kind: Some(kind),
            address: "lin@example.org".into(),
            language: language.into(),
            link: true,
            expires_at: 0,
            account: "lin".into(),
            display_name: "Lin <b>\n".into(),
            server: "The Café".into(),
        }
    }

    #[test]
    fn every_kind_has_its_texts_in_both_languages() {
        let texts = Texts::open(None).unwrap();
        for (name, text) in BUILT_IN {
            check(name, kind_of(name).unwrap(), text).unwrap();
        }
        let rooms = [("Tea <i>".to_owned(), 3), ("Bob\n".to_owned(), 1)];
        for (kind, word) in Kind::ALL {
            let mut subjects = Vec::new();
            for language in ["en", "de", "fr"] {
                let (subject, text, html) =
                    texts.fill(&mail(kind, language), Some("L1"), &rooms).unwrap();
                let html = html.unwrap();
                let all = format!("{subject}{text}{html}");
                assert!(!all.contains("{{") && !all.contains("Subject:"), "{word}: {all}");
                assert!(subject.contains("The Café"), "{subject}");
                assert!(
                    text.contains("Lin <b>,") && html.contains("Lin &lt;b&gt;"),
                    "{text}{html}"
                );
                let links = matches!(kind, Kind::Verify | Kind::Reset | Kind::Digest);
                assert_eq!(text.contains("Tea <i>: 3\nBob: 1"), kind == Kind::Digest, "{text}");
                assert_eq!(html.contains("Tea &lt;i&gt;: 3"), kind == Kind::Digest, "{html}");
                assert_eq!(text.contains("L1"), links, "{word}");
                assert_eq!(html.contains("href=\"L1\""), links, "{word}");
                subjects.push(subject);
            }
            assert_ne!(subjects[0], subjects[1], "{word}");
            assert_eq!(subjects[0], subjects[2], "what nobody translated is English");
        }
    }

    #[test]
    fn a_folder_goes_before_what_is_built_in() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        put("reset.fr.txt", "Subject: Mot de passe {{server}}\n\nBonjour {{name}}: {{link}}\n");
        put("verify.de.txt", "Subject: Moin\n\n{{ link }}\n");
        put("verify.de.html", "<a href=\"{{link}}\">Moin</a>");
        put("notes.md", "{{nothing of ours}}");
        let texts = Texts::open(Some(folder.path())).unwrap();
        let (subject, text, html) = texts.fill(&mail(Kind::Reset, "fr"), Some("L1"), &[]).unwrap();
        assert_eq!((subject.as_str(), html), ("Mot de passe The Café", None));
        assert_eq!(text, "Bonjour Lin <b>: L1\n");
        let (subject, text, html) = texts.fill(&mail(Kind::Verify, "de"), Some("L1"), &[]).unwrap();
        assert_eq!((subject.as_str(), text.as_str()), ("Moin", "L1\n"));
        assert_eq!(html.as_deref(), Some("<a href=\"L1\">Moin</a>"));
        for (name, text) in [
            ("reset.fr.txt", "no subject {{link}}"),
            ("reset.fr.txt", "Subject: x\n\nno link"),
            ("known.en.txt", "Subject: x\n\n{{passwort}}"),
            ("known.en.html", "<p>{{name"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join(name), text).unwrap();
            assert!(Texts::open(Some(folder.path())).is_err(), "{name}: {text}");
        }
    }
}
