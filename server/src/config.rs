//! The configuration: flags, then the environment, then `hallway.toml`, then what is built in. An
//! unknown key is an error, and so is a setting that would be unsafe in the open (trust.md §6).

mod flags;
mod safe;
pub mod sources;
mod strangers;

pub use flags::Flags;
pub use safe::{is_loopback, is_origin};
pub use strangers::strangers;

use crate::outbound;
use crate::store::Place;
use anyhow::{Result, bail, ensure};
use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use hallway_protocol::rest::{Guests, Registration};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// The keys, as they stand in `hallway.toml`; in the environment `HALLWAY_` and upper case.
const KEYS: &[&str] = &[
    "listen",
    "data",
    "base_url",
    "origins",
    "trusted_proxies",
    "database_url",
    "files_url",
    "files_endpoint",
    "files_region",
    "files_key",
    "files_secret",
    "files_secret_file",
    "mail",
    "mail_from",
    "mail_password",
    "mail_password_file",
    "mail_ca",
    "mail_templates",
    "outbound_allow",
    "outbound_ca",
    "oidc_issuer",
    "oidc_client_id",
    "oidc_client_secret",
    "oidc_client_secret_file",
    "oidc_name",
    "oidc_scopes",
    "oidc_register",
    "oidc_tenant",
    "registration",
    "guests",
    "secret_file",
    "tls_cert",
    "tls_key",
    "otlp_url",
    "otlp_headers",
    "otlp_attributes",
    "limits",
    "log",
    "log_level",
];

/// Names that are spoken for and do nothing yet: setting one is an error, not a silent no.
const RESERVED: [&str; 2] = ["nats_url", "acme"];

/// What a server is told before it starts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address and port to listen on.
    pub listen: String,
    /// The folder of everything it keeps.
    pub data: PathBuf,
    /// The public address; absent: this machine alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Origins of browsers that may call.
    #[serde(deserialize_with = "list")]
    pub origins: Vec<String>,
    /// Networks whose `X-Forwarded-For` is believed.
    #[serde(deserialize_with = "list")]
    pub trusted_proxies: Vec<IpNet>,
    /// PostgreSQL; absent: SQLite in the data folder. Never a flag: it holds a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    /// A bucket of S3 for files, `s3://NAME`; absent: `DATA/files`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_url: Option<String>,
    /// Where the bucket is; absent: at Amazon, in its region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_endpoint: Option<String>,
    /// The region of the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_region: Option<String>,
    /// The id of the key to the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_key: Option<String>,
    /// The key itself. Never a flag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_secret: Option<Hidden>,
    /// The file it stands in instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_secret_file: Option<PathBuf>,
    /// How mail leaves: `off`, `log`, `file:DIR`, `smtp://user@host`, `smtps://user@host`.
    pub mail: String,
    /// Whom mail is from; absent: `hallway@` and the host of the public address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_from: Option<String>,
    /// Password of the mail server. Never a flag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_password: Option<Hidden>,
    /// The file it stands in instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_password_file: Option<PathBuf>,
    /// Certificates (PEM) that the mail server's may be signed by, beside the well-known ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_ca: Option<PathBuf>,
    /// A folder of texts that go before the built-in ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_templates: Option<PathBuf>,
    /// Networks that webhooks and previews may reach though they are not public.
    #[serde(deserialize_with = "list")]
    pub outbound_allow: Vec<IpNet>,
    /// Certificates (PEM) that those whom the server calls may be signed by, beside the well-known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outbound_ca: Option<PathBuf>,
    /// The provider that signs people in, as it names itself; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc_issuer: Option<String>,
    /// As the provider knows this server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc_client_id: Option<String>,
    /// What proves it to the provider. Never a flag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc_client_secret: Option<Hidden>,
    /// The file it stands in instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc_client_secret_file: Option<PathBuf>,
    /// The provider's name, as people know it; absent: its host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc_name: Option<String>,
    /// What is asked of it, separated by blanks.
    pub oidc_scopes: String,
    /// Whether somebody whom nobody here knows gets an account.
    pub oidc_register: Switch,
    /// The tenant, by name, whose people it signs in.
    pub oidc_tenant: String,
    /// Who may make an account.
    pub registration: Registration,
    /// Who may come without an account, where the tenant says nothing.
    pub guests: Guests,
    /// The file of the secret that signs tokens; absent: `DATA/secret`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// Certificate chain, PEM; absent: plain HTTP, as behind a proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// The collector that takes traces; absent: none are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp_url: Option<String>,
    /// Headers for it, `name=value` by commas. Never a flag: one may be a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp_headers: Option<Hidden>,
    /// What this server is called there, `name=value` by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp_attributes: Option<String>,
    /// Whether rates are limited. Sizes always are.
    pub limits: Switch,
    /// Form of the log.
    pub log: LogForm,
    /// What is logged: a level, or directives of `tracing`.
    pub log_level: String,
    /// How often a connection hears a heartbeat. Tests make it short.
    #[serde(skip, default = "heartbeat")]
    pub heartbeat: Duration,
    /// How long a call to others may take. Tests make it short.
    #[serde(skip, default = "patience")]
    pub outbound_patience: Duration,
}

/// What is said of a server that [`Config::is_in_the_open`].
pub const IN_THE_OPEN: &str = "off, and other machines reach this address: passwords travel in the \
    clear, and links lead nowhere. Set base_url to the https address of your proxy, or tls_cert \
    and tls_key";

/// A secret: it is read, and never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Hidden(pub String);

impl Serialize for Hidden {
    fn serialize<S: serde::Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        to.serialize_str("hidden")
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("hidden")
    }
}

/// On or off.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// The form of a log line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogForm {
    /// For people.
    Text,
    /// For programs.
    Json,
}

fn heartbeat() -> Duration {
    Duration::from_secs(25)
}

fn patience() -> Duration {
    outbound::PATIENCE
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: "127.0.0.1:7340".into(),
            data: "data".into(),
            base_url: None,
            origins: Vec::new(),
            trusted_proxies: Vec::new(),
            database_url: None,
            files_url: None,
            files_endpoint: None,
            files_region: None,
            files_key: None,
            files_secret: None,
            files_secret_file: None,
            mail: "off".into(),
            mail_from: None,
            mail_password: None,
            mail_password_file: None,
            mail_ca: None,
            mail_templates: None,
            outbound_allow: Vec::new(),
            outbound_ca: None,
            oidc_issuer: None,
            oidc_client_id: None,
            oidc_client_secret: None,
            oidc_client_secret_file: None,
            oidc_name: None,
            oidc_scopes: "openid profile email".into(),
            oidc_register: Switch::Off,
            oidc_tenant: "default".into(),
            registration: Registration::Invite,
            guests: Guests::Off,
            secret_file: None,
            tls_cert: None,
            tls_key: None,
            otlp_url: None,
            otlp_headers: None,
            otlp_attributes: None,
            limits: Switch::On,
            log: LogForm::Text,
            log_level: "info".into(),
            heartbeat: heartbeat(),
            outbound_patience: patience(),
        }
    }
}

impl Config {
    /// Reads the file and the environment (`look` finds a variable), and puts the flags on top.
    pub fn load(flags: &Flags, look: impl Fn(&str) -> Option<String>) -> Result<Config> {
        let file = flags.config.clone().unwrap_or_else(|| "hallway.toml".into());
        ensure!(flags.config.is_none() || file.is_file(), "there is no {}", file.display());
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        if file.is_file() {
            figment = figment.merge(Toml::file_exact(&file));
        }
        let variable = |key: &str| {
            let name = format!("HALLWAY_{}", key.to_uppercase());
            look(&name).filter(|value| !value.is_empty()).map(|value| (name, value))
        };
        for key in RESERVED {
            if let Some((name, _)) = variable(key) {
                bail!("{name} is set, but this version has nothing that it would turn on");
            }
        }
        for key in KEYS.iter().copied() {
            if let Some((_, value)) = variable(key) {
                figment = figment.merge(Serialized::default(key, value));
            }
        }
        let figment = figment.merge(Serialized::defaults(flags));
        let config: Config = figment.extract().map_err(|error| in_words(&error))?;
        config.safe()?;
        Ok(config)
    }

    /// Where the data lies.
    pub fn place(&self) -> Place {
        match &self.database_url {
            Some(url) => Place::Postgres(url.clone()),
            None => Place::Sqlite(self.data.clone()),
        }
    }

    /// The file of the secret.
    pub fn secret_path(&self) -> PathBuf {
        self.secret_file.clone().unwrap_or_else(|| self.data.join("secret"))
    }

    /// Whether other machines reach it, and nothing says that a proxy stands before it.
    pub fn is_in_the_open(&self) -> bool {
        !safe::is_loopback(&self.listen) && self.tls_cert.is_none() && self.base_url.is_none()
    }

    /// Whether browsers reach this server by https.
    pub fn is_https(&self) -> bool {
        self.base_url.as_deref().is_some_and(|base| base.starts_with("https://"))
    }
}

/// What is wrong with a setting, by the names an operator knows it under.
fn in_words(error: &figment::Error) -> anyhow::Error {
    match error.path.first() {
        Some(key) if KEYS.contains(&key.as_str()) => {
            let variable = key.to_uppercase();
            anyhow::anyhow!("{key} (HALLWAY_{variable}): {}", error.kind)
        }
        _ => anyhow::anyhow!("configuration: {}", error.kind),
    }
}

/// A list, or one line with commas in it.
fn list<'de, D, T>(d: D) -> std::result::Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Line(String),
        List(Vec<String>),
    }
    let words = match Given::deserialize(d)? {
        Given::Line(line) => line.split(',').map(str::to_owned).collect(),
        Given::List(list) => list,
    };
    let words = words.iter().map(|word| word.trim()).filter(|word| !word.is_empty());
    words.map(|word| word.parse().map_err(serde::de::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(flags: Flags, vars: &[(&str, &str)], toml: &str) -> Result<Config> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("hallway.toml");
        std::fs::write(&file, toml)?;
        let flags = Flags { config: Some(file), ..flags };
        let find = |name: &str| vars.iter().find(|v| v.0 == name).map(|v| v.1.to_owned());
        Config::load(&flags, find)
    }

    #[test]
    fn flags_come_before_the_environment_and_that_before_the_file() {
        let toml = "listen = \"a:1\"\ndata = \"one\"\norigins = [\"https://x.example\"]\n";
        let flags = Flags { listen: Some("c:3".into()), ..Flags::default() };
        let vars = [("HALLWAY_LISTEN", "b:2"), ("HALLWAY_DATA", "2"), ("HALLWAY_LIMITS", "off")];
        let config = load(flags, &vars, toml).unwrap();
        assert_eq!((config.listen.as_str(), config.data), ("c:3", PathBuf::from("2")));
        assert_eq!((config.limits, config.origins.len()), (Switch::Off, 1));
        let vars = [("HALLWAY_TRUSTED_PROXIES", "10.0.0.0/8, ::1/128")];
        assert_eq!(load(Flags::default(), &vars, "").unwrap().trusted_proxies.len(), 2);
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let error = load(Flags::default(), &[], "lissen = \"a\"").unwrap_err();
        assert!(format!("{error:#}").contains("lissen"), "{error:#}");
        let error = load(Flags::default(), &[("HALLWAY_ACME", "x")], "").unwrap_err();
        assert!(format!("{error:#}").contains("HALLWAY_ACME"), "{error:#}");
    }

    #[test]
    fn a_wrong_value_is_said_by_the_names_of_its_setting() {
        for (name, value, key) in [
            ("HALLWAY_REGISTRATION", "maybe", "registration"),
            ("HALLWAY_TRUSTED_PROXIES", "x", "trusted_proxies"),
            ("HALLWAY_LIMITS", "maybe", "limits"),
        ] {
            let error = format!("{:#}", load(Flags::default(), &[(name, value)], "").unwrap_err());
            assert!(error.starts_with(&format!("{key} ({name}): ")), "{error}");
            assert!(!error.contains(".rs"), "{error}");
        }
    }

    #[test]
    fn a_server_that_others_reach_in_the_clear_is_known() {
        let open =
            |vars: &[(&str, &str)]| load(Flags::default(), vars, "").unwrap().is_in_the_open();
        assert!(open(&[("HALLWAY_LISTEN", "0.0.0.0:7340")]));
        assert!(open(&[("HALLWAY_LISTEN", "[::]:7340")]));
        let proxied =
            [("HALLWAY_LISTEN", "0.0.0.0:7340"), ("HALLWAY_BASE_URL", "https://chat.example")];
        assert!(!open(&proxied));
        assert!(!open(&[]) && !open(&[("HALLWAY_LISTEN", "[::1]:7340")]));
    }

    #[test]
    fn what_is_unsafe_in_the_open_is_refused() {
        let with = |key: &'static str, value: &str| {
            load(Flags::default(), &[(key, value)], "").map(|_| ()).map_err(|e| format!("{e:#}"))
        };
        assert!(with("HALLWAY_ORIGINS", "*").unwrap_err().contains("wildcard"));
        assert!(with("HALLWAY_ORIGINS", "https://*.x.example").unwrap_err().contains("wildcard"));
        assert!(with("HALLWAY_BASE_URL", "http://chat.example").unwrap_err().contains("https"));
        assert!(with("HALLWAY_BASE_URL", "http://127.0.0.1.evil.example").is_err());
        assert_eq!(with("HALLWAY_BASE_URL", "http://127.0.0.1:7340"), Ok(()));
        assert_eq!(with("HALLWAY_BASE_URL", "http://[::1]:7340"), Ok(()));
        assert_eq!(with("HALLWAY_BASE_URL", "https://chat.example"), Ok(()));
        assert!(with("HALLWAY_REGISTRATION", "everyone").is_err());
    }
}
