//! Where each setting came from: what `check` prints. Secrets are only ever said to be set.

use super::{Config, Flags, KEYS};
use anyhow::{Context, Result};
use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use serde::Serialize;
use serde_json::Value;
use std::path::Path;

/// Keys whose value may hold a password, besides those that hide themselves.
const SECRET: [&str; 1] = ["database_url"];

/// Who said it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Nobody: what is built in.
    Default,
    /// The configuration file.
    File,
    /// The environment.
    Environment,
    /// The command line.
    Flag,
}

impl Source {
    /// As a word.
    pub fn text(self) -> &'static str {
        match self {
            Source::Default => "default",
            Source::File => "file",
            Source::Environment => "environment",
            Source::Flag => "flag",
        }
    }
}

/// A setting as it holds.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Setting {
    /// Its key, as in `hallway.toml`.
    pub name: &'static str,
    /// Its value; of a secret `set`; none: not set.
    pub value: Option<String>,
    /// Who said it.
    pub source: Source,
}

/// The settings of a configuration that was loaded from `flags` and `look`.
pub fn settings(
    config: &Config,
    flags: &Flags,
    look: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Setting>> {
    let file = flags.config.as_deref().unwrap_or(Path::new("hallway.toml"));
    let file = file.is_file().then(|| Figment::from(Toml::file_exact(file)));
    let given = Figment::from(Serialized::defaults(flags));
    let values = serde_json::to_value(config).context("configuration")?;
    let from = |name: &str| {
        let variable = look(&format!("HALLWAY_{}", name.to_uppercase()));
        if given.contains(name) {
            Source::Flag
        } else if variable.is_some_and(|value| !value.is_empty()) {
            Source::Environment
        } else if file.as_ref().is_some_and(|file| file.contains(name)) {
            Source::File
        } else {
            Source::Default
        }
    };
    let setting = |name| Setting { name, value: shown(name, &values[name]), source: from(name) };
    Ok(KEYS.iter().copied().map(setting).collect())
}

fn shown(name: &str, value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text == "hidden" || SECRET.contains(&name) => Some("set".into()),
        Value::String(text) => Some(text.clone()),
        Value::Array(list) if list.is_empty() => None,
        Value::Array(list) => {
            let words = list.iter().map(|one| one.as_str().map_or(one.to_string(), str::to_owned));
            Some(words.collect::<Vec<_>>().join(", "))
        }
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_says_who_said_it_and_a_secret_only_that_it_is_there() {
        let base = tempfile::tempdir().unwrap();
        let file = base.path().join("hallway.toml");
        std::fs::write(&file, "listen = \"[::1]:1\"\nlog = \"json\"\nguests = \"code\"\n").unwrap();
        let flags = Flags {
            config: Some(file),
            listen: Some("127.0.0.1:2".into()),
            origins: Some("https://a.example, https://b.example".into()),
            ..Flags::default()
        };
        let look = |name: &str| match name {
            "HALLWAY_LISTEN" => Some("127.0.0.1:3".to_owned()),
            "HALLWAY_LOG" => Some(String::new()),
            "HALLWAY_REGISTRATION" => Some("open".into()),
            "HALLWAY_DATABASE_URL" => Some("postgres://ada:kettle@db/hallway".into()),
            "HALLWAY_MAIL" => Some("smtps://ada@mail.example".into()),
            "HALLWAY_MAIL_PASSWORD" => Some("kettle".into()),
            _ => None,
        };
        let config = Config::load(&flags, look).unwrap();
        let all = settings(&config, &flags, look).unwrap();
        assert_eq!(all.len(), KEYS.len());
        let of = |name: &str| {
            let setting = all.iter().find(|setting| setting.name == name).unwrap();
            (setting.value.as_deref(), setting.source)
        };
        assert_eq!(of("listen"), (Some("127.0.0.1:2"), Source::Flag));
        assert_eq!(of("origins"), (Some("https://a.example, https://b.example"), Source::Flag));
        assert_eq!(of("log"), (Some("json"), Source::File));
        assert_eq!(of("guests"), (Some("code"), Source::File));
        assert_eq!(of("registration"), (Some("open"), Source::Environment));
        assert_eq!(of("database_url"), (Some("set"), Source::Environment));
        assert_eq!(of("mail_password"), (Some("set"), Source::Environment));
        assert_eq!(of("mail"), (Some("smtps://ada@mail.example"), Source::Environment));
        assert_eq!(of("tls_cert"), (None, Source::Default));
        assert!(!serde_json::to_string(&all).unwrap().contains("kettle"));
    }
}
