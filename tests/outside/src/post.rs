//! A mail server, small and real: SMTP with STARTTLS or TLS from the first byte, AUTH, one thread of
//! talk a connection, and what it took. What a test wants to go wrong, it is told.

use crate::tls::Certificate;
use crate::wait::soon;
use hallway_kit::Tasks;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// When a connection is encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Secure {
    /// Never: it knows nothing of it.
    Never,
    /// When the client asks for it, and no mail is taken before.
    Starttls,
    /// From the first byte.
    Always,
}

/// A mail it took.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Who sends it, as the envelope says.
    pub from: String,
    /// Whom it is for, as the envelope says.
    pub to: String,
    /// It came encrypted.
    pub encrypted: bool,
    /// Who signed in, with what: `user\0password`.
    pub user: Option<String>,
    /// Head and body.
    pub data: String,
}

impl Mail {
    /// One that lies in a file.
    #[must_use]
    pub fn written(data: String) -> Mail {
        Mail { from: String::new(), to: String::new(), encrypted: false, user: None, data }
    }

    /// A header of it.
    ///
    /// # Panics
    /// When it has none of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        let head = self.data.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
        let begins = format!("{}:", name.to_lowercase());
        let line = head.lines().find(|line| line.to_lowercase().starts_with(&begins));
        let line = line.unwrap_or_else(|| panic!("no {name} in {head}"));
        line[begins.len()..].trim().to_owned()
    }

    /// Its plain text, as a reader sees it.
    ///
    /// # Panics
    /// When it has none.
    #[must_use]
    pub fn text(&self) -> String {
        let plain = self.data.split("Content-Type: text/plain").nth(1).expect("a plain part");
        let (head, body) = plain.split_once("\r\n\r\n").expect("a head and a body");
        let body = body.split("\r\n--").next().unwrap_or_default();
        match head.contains("quoted-printable") {
            true => unquoted(body),
            false => body.to_owned(),
        }
    }

    /// The secret behind the `#` of its link.
    #[must_use]
    pub fn secret(&self) -> String {
        secret(&self.text())
    }
}

/// The secret of the link in a mail's text.
///
/// # Panics
/// When there is no link in it.
#[must_use]
pub fn secret(text: &str) -> String {
    let rest = text.split_once("/mail/").and_then(|(_, rest)| rest.split_once('#'));
    let (_, rest) = rest.unwrap_or_else(|| panic!("no link in {text}"));
    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect()
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
    taken: Mutex<Vec<Mail>>,
    came: Notify,
    /// What it says to `RCPT TO`, instead of yes.
    says: Mutex<Option<String>>,
    silent: AtomicBool,
    /// Somebody has said all of a mail.
    heard: Notify,
}

/// The server; ends with its test.
pub struct Post {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its certificate, which signs itself.
    pub certificate: String,
    state: Arc<State>,
    _tasks: Tasks,
}

impl Post {
    /// One that takes everything, in clear.
    pub async fn open() -> Post {
        Post::with(Secure::Never).await
    }

    /// One that takes everything, encrypted so.
    pub async fn with(secure: Secure) -> Post {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let certificate = Certificate::of("localhost");
        let tls = certificate.acceptor();
        let (state, tasks) = (Arc::new(State::default()), Tasks::default());
        let (told, inner) = (state.clone(), tasks.clone());
        tasks.once("mail server", async move {
            while let Ok((stream, _)) = listener.accept().await {
                let talk = Talk { state: told.clone(), tls: tls.clone() };
                inner.once("mail", talk.begin(stream, secure));
            }
        });
        Post { address, certificate: certificate.pem(), state, _tasks: tasks }
    }

    /// As a server is told of it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// The next mail, oldest first; each is handed out once.
    pub async fn next(&self) -> Mail {
        soon("a mail", async {
            loop {
                let came = self.state.came.notified();
                let first = self.take(1).pop();
                match first {
                    Some(mail) => return mail,
                    None => came.await,
                }
            }
        })
        .await
    }

    /// Mails that nobody has asked for.
    #[must_use]
    pub fn rest(&self) -> Vec<Mail> {
        self.take(usize::MAX)
    }

    fn take(&self, most: usize) -> Vec<Mail> {
        let mut taken = self.state.taken.lock();
        let most = most.min(taken.len());
        taken.drain(..most).collect()
    }

    /// From now on it says this to whoever mail is for; nothing: it takes it.
    pub fn says(&self, words: Option<&str>) {
        *self.state.says.lock() = words.map(str::to_owned);
    }

    /// From now on it listens to mails and does not answer, or does again.
    pub fn is_silent(&self, silent: bool) {
        self.state.silent.store(silent, Ordering::SeqCst);
    }

    /// Until it has heard a mail to its end, answered or not.
    pub async fn heard(&self) {
        soon("a mail is heard", self.state.heard.notified()).await;
    }
}

/// One connection.
struct Talk {
    state: Arc<State>,
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
        let mut mail = Mail {
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
                    if self.state.silent.load(Ordering::SeqCst) {
                        stream.read_to_end(&mut Vec::new()).await?;
                        return Ok(None);
                    }
                    self.state.taken.lock().push(mail.clone());
                    self.state.came.notify_one();
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

    fn auth(&self, mail: &mut Mail, line: &str) -> String {
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
