//! A mail server, small and real: SMTP with STARTTLS or TLS from the first byte, AUTH, one thread of
//! talk a connection, and what it took. What a test wants to go wrong, it is told.

use super::PATIENCE;
use hallway_kit::Tasks;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// When a connection is encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Secure {
    Never,
    Starttls,
    Always,
}

/// A mail it took.
#[derive(Clone, Debug)]
pub struct Taken {
    /// From and to, as the envelope says.
    pub from: String,
    pub to: String,
    /// It came encrypted.
    pub encrypted: bool,
    /// Who signed in, with what: `user\0password`.
    pub user: Option<String>,
    /// Head and body.
    pub data: String,
}

impl Taken {
    /// A header of it.
    pub fn header(&self, name: &str) -> String {
        let head = self.data.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
        let begins = format!("{}:", name.to_lowercase());
        let line = head.lines().find(|line| line.to_lowercase().starts_with(&begins));
        let line = line.unwrap_or_else(|| panic!("no {name} in {head}"));
        line[begins.len()..].trim().to_owned()
    }

    /// Its plain text, as a reader sees it.
    pub fn text(&self) -> String {
        let plain = self.data.split("Content-Type: text/plain").nth(1).expect("a plain part");
        let (head, body) = plain.split_once("\r\n\r\n").expect("a head and a body");
        let body = body.split("\r\n--").next().unwrap_or_default();
        match head.contains("quoted-printable") {
            true => unquoted(body),
            false => body.to_owned(),
        }
    }

    /// The token of its link.
    pub fn token(&self) -> String {
        let text = self.text();
        let token = text.split('#').nth(1).and_then(|rest| rest.split_whitespace().next());
        token.unwrap_or_else(|| panic!("no link in {text}")).to_owned()
    }
}

/// The text of a quoted-printable one.
fn unquoted(text: &str) -> String {
    let joined = text.replace("=\r\n", "");
    let mut parts = joined.split('=');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).expect("two hexadecimal digits"));
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).expect("text")
}

#[derive(Default)]
struct State {
    taken: Mutex<Vec<Taken>>,
    came: Notify,
    /// What it says to `RCPT TO`, instead of yes.
    says: Mutex<Option<String>>,
    /// Somebody has said all of a mail.
    heard: Notify,
}

/// The server; ends with its test.
pub struct Smtp {
    pub address: SocketAddr,
    /// Its certificate, which signs itself.
    pub certificate: String,
    state: Arc<State>,
    /// Answers after a mail's text; taken away, it is silent.
    gate: Arc<Semaphore>,
    _tasks: Tasks,
}

impl Smtp {
    pub async fn open(secure: Secure) -> Smtp {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a certificate and its key");
        let tls = TlsAcceptor::from(Arc::new(tls));
        let (state, tasks) = (Arc::new(State::default()), Tasks::default());
        let gate = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        let (told, opened, inner) = (state.clone(), gate.clone(), tasks.clone());
        tasks.once("mail server", async move {
            while let Ok((stream, _)) = listener.accept().await {
                let talk = Talk { state: told.clone(), gate: opened.clone(), tls: tls.clone() };
                inner.once("mail", talk.begin(stream, secure));
            }
        });
        Smtp { address, certificate: made.cert.pem(), state, gate, _tasks: tasks }
    }

    /// The next mail, oldest first; each is handed out once.
    pub async fn next(&self) -> Taken {
        let next = async {
            loop {
                let came = self.state.came.notified();
                let first = self.take();
                match first {
                    Some(mail) => return mail,
                    None => came.await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, next).await.expect("a mail in time")
    }

    fn take(&self) -> Option<Taken> {
        let mut taken = self.state.taken.lock();
        if taken.is_empty() { None } else { Some(taken.remove(0)) }
    }

    /// Mails that wait to be looked at.
    pub fn waiting(&self) -> usize {
        self.state.taken.lock().len()
    }

    /// From now on it says this to whoever mail is for; nothing: it takes it.
    pub fn says(&self, words: Option<&str>) {
        *self.state.says.lock() = words.map(str::to_owned);
    }

    /// From now on it listens to mails and does not answer.
    pub fn falls_silent(&self) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    /// Until it has heard a mail to its end, answered or not.
    pub async fn heard(&self) {
        let heard = self.state.heard.notified();
        tokio::time::timeout(PATIENCE, heard).await.expect("a mail in time");
    }
}

/// One connection.
struct Talk {
    state: Arc<State>,
    gate: Arc<Semaphore>,
    tls: TlsAcceptor,
}

impl Talk {
    async fn begin(self, stream: TcpStream, secure: Secure) {
        // A client that goes away in the middle ends the talk, which is not our affair.
        let _ = match secure {
            Secure::Always => match self.tls.clone().accept(stream).await {
                Ok(stream) => self.greeted(stream, true, false).await.map(|_| ()),
                Err(error) => Err(error),
            },
            _ => self.in_clear(stream, secure).await,
        };
    }

    async fn in_clear(self, stream: TcpStream, secure: Secure) -> std::io::Result<()> {
        let upgrade = self.greeted(stream, false, secure == Secure::Starttls).await?;
        if let Some(stream) = upgrade {
            let stream = self.tls.clone().accept(stream).await?;
            self.talk(BufReader::new(stream), true, false).await?;
        }
        Ok(())
    }

    async fn greeted<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        encrypted: bool,
        starttls: bool,
    ) -> std::io::Result<Option<S>> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 localhost ESMTP\r\n").await?;
        self.talk(stream, encrypted, starttls).await
    }

    /// Talks to the end, or until the other side wants to be encrypted: then the stream comes back.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: BufReader<S>,
        encrypted: bool,
        starttls: bool,
    ) -> std::io::Result<Option<S>> {
        let mut mail = Taken {
            from: String::new(),
            to: String::new(),
            encrypted,
            user: None,
            data: String::new(),
        };
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            let line = line.trim_end();
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let answer = match verb.as_str() {
                "EHLO" if starttls => "250-localhost\r\n250 STARTTLS".to_owned(),
                "EHLO" => "250-localhost\r\n250 AUTH PLAIN".to_owned(),
                "STARTTLS" if starttls => {
                    stream.write_all(b"220 go on\r\n").await?;
                    return Ok(Some(stream.into_inner()));
                }
                "AUTH" => self.auth(&mut mail, line),
                "MAIL" if starttls => "530 encrypt first".to_owned(),
                "MAIL" => {
                    mail.from = between(line);
                    "250 yes".to_owned()
                }
                "RCPT" => {
                    mail.to = between(line);
                    self.state.says.lock().clone().unwrap_or_else(|| "250 yes".to_owned())
                }
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    mail.data = data(&mut stream).await?;
                    self.state.heard.notify_one();
                    let Ok(pass) = self.gate.acquire().await else { return Ok(None) };
                    drop(pass);
                    self.state.taken.lock().push(mail.clone());
                    self.state.came.notify_waiters();
                    "250 taken".to_owned()
                }
                "QUIT" => {
                    stream.write_all(b"221 bye\r\n").await?;
                    return Ok(None);
                }
                "RSET" | "NOOP" => "250 yes".to_owned(),
                _ => "502 what?".to_owned(),
            };
            stream.write_all(answer.as_bytes()).await?;
            stream.write_all(b"\r\n").await?;
        }
    }

    fn auth(&self, mail: &mut Taken, line: &str) -> String {
        use base64::Engine;
        let given = line.rsplit(' ').next().unwrap_or_default();
        let given = base64::prelude::BASE64_STANDARD.decode(given).unwrap_or_default();
        let given = String::from_utf8_lossy(&given).trim_start_matches('\0').to_owned();
        match given.as_str() {
            "ada@example.org\0the mail's own" => {
                mail.user = Some(given);
                "235 yes".to_owned()
            }
            _ => "535 no".to_owned(),
        }
    }
}

/// A mail's text, to the dot alone on its line.
async fn data<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
) -> std::io::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

fn between(line: &str) -> String {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or_else(String::new, |(inside, _)| inside.to_owned())
}
