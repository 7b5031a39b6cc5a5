//! How mail leaves: by SMTP, into a folder, into the log, or not at all. Which of them is
//! configuration; nobody else knows. A mail has the same `Message-ID` however often it is sent, so
//! one sent twice, because we died in between, is one to whoever receives it.

pub mod texts;

use crate::config::{Config, Hidden};
use anyhow::{Context, Result, anyhow, bail, ensure};
use hallway_protocol::ids::Millis;
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};
use texts::Texts;
use tokio::io::AsyncWriteExt;
use url::Url;

/// A server that is silent for so long is gone; under the time that a job may take.
const SILENT: Duration = Duration::from_secs(20);
/// What a server answers when it will never take this mail (RFC 5321): the rest of 5xx is about us.
const NEVER: [&str; 4] = ["550", "551", "553", "554"];

/// What sends mail.
pub struct Mailer {
    way: Way,
    from: Mailbox,
    texts: Texts,
}

enum Way {
    Off,
    Log,
    Folder(PathBuf),
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>),
}

/// A mail that is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// Its id, the same each time.
    pub id: String,
    /// Where to.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// As plain text.
    pub text: String,
    /// The same for those who like it coloured.
    pub html: Option<String>,
}

/// Why a mail did not leave.
#[derive(Debug)]
pub enum Failure {
    /// It never will.
    Never(String),
    /// It may another time.
    Now(String),
}

impl Mailer {
    /// What the configuration says; wrong words are found here, at start.
    pub fn open(config: &Config) -> Result<Mailer> {
        let from = match &config.mail_from {
            Some(from) => from.parse().with_context(|| format!("mail_from: {from}"))?,
            None => Mailbox::new(Some("Hallway".into()), Address::new("hallway", host(config))?),
        };
        let way = match config.mail.as_str() {
            "off" => Way::Off,
            "log" => Way::Log,
            how => match how.strip_prefix("file:") {
                Some("") => bail!("mail: file: needs a folder"),
                Some(folder) => Way::Folder(folder.into()),
                None => Way::Smtp(Box::new(smtp(config, how, &from)?)),
            },
        };
        Ok(Mailer { way, from, texts: Texts::open(config.mail_templates.as_deref())? })
    }

    /// Whether there is mail at all.
    pub fn is_on(&self) -> bool {
        !matches!(self.way, Way::Off)
    }

    /// Says loudly what an operator should not overlook.
    pub fn warn(&self) {
        if let Way::Log = self.way {
            tracing::warn!("HALLWAY_MAIL=log: whoever reads the log can open what mails open");
        }
    }

    /// Whether mail could leave now: a folder can be written, a server answers and takes who we are.
    pub async fn reaches(&self) -> Result<()> {
        match &self.way {
            Way::Off | Way::Log => Ok(()),
            Way::Folder(folder) => {
                let known = tokio::fs::metadata(folder).await;
                known.map(|_| ()).with_context(|| format!("{}", folder.display()))
            }
            Way::Smtp(server) => {
                ensure!(server.test_connection().await?, "it hung up");
                Ok(())
            }
        }
    }

    /// The texts of mails.
    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// Sends it.
    pub async fn send(&self, mail: &Written, now: Millis) -> Result<(), Failure> {
        let message = self.message(mail, now).map_err(|why| hushed(mail, &why))?;
        match &self.way {
            Way::Off => Err(Failure::Never("mail is off".into())),
            Way::Log => {
                tracing::info!(to = mail.to, subject = mail.subject, "mail\n{}", mail.text);
                Ok(())
            }
            Way::Folder(folder) => {
                let put = put(folder, &mail.id, &message.formatted()).await;
                put.map_err(|why| Failure::Now(format!("{why:#}")))
            }
            Way::Smtp(server) => match server.send(message).await {
                Ok(_) => Ok(()),
                Err(error) => {
                    let never = error.status().map(|code| code.to_string());
                    let never = never.is_some_and(|code| NEVER.contains(&code.as_str()));
                    let why = without(&format!("{:#}", anyhow!(error)), &mail.to);
                    Err(if never { Failure::Never(why) } else { Failure::Now(why) })
                }
            },
        }
    }

    fn message(&self, mail: &Written, now: Millis) -> Result<Message> {
        let to = Mailbox::new(None, mail.to.parse::<Address>()?);
        let id = format!("<{}@{}>", mail.id, self.from.email.domain());
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(mail.subject.clone())
            .date(UNIX_EPOCH + Duration::from_millis(now.max(0).unsigned_abs()))
            .message_id(Some(id));
        // Answers of machines (away, full) would find nobody (RFC 3834).
        let message = message.raw_header(lettre::message::header::HeaderValue::new(
            lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".into(),
        ));
        Ok(match &mail.html {
            Some(html) => message
                .multipart(MultiPart::alternative_plain_html(mail.text.clone(), html.clone()))?,
            None => message.singlepart(SinglePart::plain(mail.text.clone()))?,
        })
    }
}

/// A mail that cannot even be made; its address is no business of the list of dead letters.
fn hushed(mail: &Written, why: &anyhow::Error) -> Failure {
    Failure::Never(without(&format!("{why:#}"), &mail.to))
}

fn without(why: &str, address: &str) -> String {
    why.replace(address, "(address)")
}

/// Writes a mail into the folder, whole or not at all.
async fn put(folder: &Path, id: &str, mail: &[u8]) -> Result<()> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("cannot make {}", folder.display()))?;
    let (part, whole) = (folder.join(format!("{id}.part")), folder.join(format!("{id}.eml")));
    let mut options = tokio::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&part).await?;
    file.write_all(mail).await?;
    file.sync_all().await?;
    tokio::fs::rename(&part, &whole).await?;
    Ok(())
}

/// The way to a mail server. Only to this machine, or when it is said, it goes in clear; a password
/// never leaves this machine so.
fn smtp(config: &Config, how: &str, from: &Mailbox) -> Result<AsyncSmtpTransport<Tokio1Executor>> {
    let forms = "off, log, file:DIR, smtp://user@host or smtps://user@host";
    let url = Url::parse(how).ok().filter(|url| matches!(url.scheme(), "smtp" | "smtps"));
    let url = url.with_context(|| format!("mail: {how} is none of {forms}"))?;
    let named =
        "mail: the password belongs into HALLWAY_MAIL_PASSWORD or HALLWAY_MAIL_PASSWORD_FILE";
    ensure!(url.password().is_none(), named);
    let host = url.host_str().filter(|host| !host.is_empty()).context("mail: no host")?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let local = is_loopback(host);
    let password = password(config)?;
    let tls = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, how)| how.into_owned());
    let (tls, port) = match (url.scheme(), tls.as_deref()) {
        ("smtps", None) => (Tls::Wrapper(trust(config, host)?), 465),
        ("smtp", Some("starttls")) => (Tls::Required(trust(config, host)?), 587),
        ("smtp", None) if !local => (Tls::Required(trust(config, host)?), 587),
        ("smtp", None) => (Tls::None, 25),
        ("smtp", Some("none")) => {
            ensure!(local || password.is_none(), "mail: tls=none would send the password in clear");
            (Tls::None, 25)
        }
        (_, how) => bail!("mail: tls={} is neither starttls nor none", how.unwrap_or_default()),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
        .port(url.port().unwrap_or(port))
        .tls(tls)
        .timeout(Some(SILENT))
        .hello_name(ClientId::Domain(from.email.domain().to_owned()));
    match (user(&url), password) {
        (None, None) => {}
        (Some(user), Some(Hidden(password))) => {
            builder = builder.credentials(Credentials::new(user, password));
        }
        (Some(_), None) => bail!("{named}: it is missing"),
        (None, Some(_)) => bail!("mail: a password, and no user in {how}"),
    }
    Ok(builder.build())
}

fn user(url: &Url) -> Option<String> {
    let plain = format!("user={}", url.username().replace('+', "%2B"));
    let user = form_urlencoded::parse(plain.as_bytes()).next().map(|(_, user)| user.into_owned());
    user.filter(|user| !user.is_empty())
}

fn password(config: &Config) -> Result<Option<Hidden>> {
    let Some(file) = &config.mail_password_file else { return Ok(config.mail_password.clone()) };
    ensure!(config.mail_password.is_none(), "mail_password and mail_password_file are both set");
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("mail_password_file: {}", file.display()))?;
    Ok(Some(Hidden(text.trim_end_matches(['\r', '\n']).to_owned())))
}

fn trust(config: &Config, host: &str) -> Result<TlsParameters> {
    let mut parameters = TlsParameters::builder(host.to_owned());
    if let Some(file) = &config.mail_ca {
        let pem = std::fs::read(file).with_context(|| format!("mail_ca: {}", file.display()))?;
        parameters = parameters.add_root_certificate(Certificate::from_pem(&pem)?);
    }
    Ok(parameters.build()?)
}

/// The host of the public address, as mail is from it.
fn host(config: &Config) -> String {
    let base = config.base_url.as_deref().and_then(|base| Url::parse(base).ok());
    let domain = base.as_ref().and_then(Url::domain);
    domain.unwrap_or("localhost").to_owned()
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(mail: &str, password: Option<&str>) -> Result<Mailer, String> {
        let config = Config {
            mail: mail.into(),
            mail_password: password.map(|text| Hidden(text.into())),
            ..Config::default()
        };
        Mailer::open(&config).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn what_is_configured_is_understood_or_refused_with_a_reason() {
        for (mail, password) in [
            ("off", None),
            ("log", None),
            ("file:mails", None),
            ("smtp://localhost", None),
            ("smtp://ada@127.0.0.1:2525", Some("x")),
            ("smtp://mail.example.org?tls=none", None),
            ("smtp://ada%40example.org@mail.example.org", Some("x")),
            ("smtps://ada@mail.example.org", Some("x")),
        ] {
            assert!(open(mail, password).is_ok(), "{mail}: {:?}", open(mail, password).err());
        }
        for (mail, password, said) in [
            ("on", None, "none of off"),
            ("file:", None, "needs a folder"),
            ("smtp://ada:secret@mail.example.org", None, "HALLWAY_MAIL_PASSWORD"),
            ("smtp://ada@mail.example.org", None, "missing"),
            ("smtp://mail.example.org", Some("x"), "no user"),
            ("smtp://ada@mail.example.org?tls=none", Some("x"), "in clear"),
            ("smtp://mail.example.org?tls=maybe", None, "neither"),
            ("https://mail.example.org", None, "none of off"),
        ] {
            let error = open(mail, password).err().unwrap_or_default();
            assert!(error.contains(said) && !error.contains("secret"), "{mail}: {error}");
        }
    }

    #[test]
    fn a_user_is_read_as_it_is_meant() {
        let user = |text: &str| user(&Url::parse(text).unwrap());
        assert_eq!(user("smtp://ada%40example.org@h"), Some("ada@example.org".into()));
        assert_eq!(user("smtp://a+b@h"), Some("a+b".into()));
        assert_eq!(user("smtp://h"), None);
    }
}
