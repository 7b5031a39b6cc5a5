//! A mail server, small and real: it speaks SMTP, keeps what it took, refuses or falls silent when a
//! test says so.

use crate::wait::soon;
use hallway_kit::Tasks;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// A mail it took.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Whom the envelope names.
    pub to: String,
    /// Head and body as they came.
    pub data: String,
}

impl Mail {
    /// A header of it.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.data.split("\r\n\r\n").next()?.replace("\r\n ", " ");
        let begins = format!("{}:", name.to_lowercase());
        let line = head.lines().find(|line| line.to_lowercase().starts_with(&begins))?;
        Some(line[begins.len()..].trim().to_owned())
    }

    /// All of it, as a reader sees it: long lines whole again.
    #[must_use]
    pub fn text(&self) -> String {
        self.data.replace("=\r\n", "").replace("=3D", "=")
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

#[derive(Default)]
struct State {
    taken: Mutex<Vec<Mail>>,
    came: Notify,
    /// What it says to `RCPT TO` instead of yes.
    says: Mutex<Option<&'static str>>,
    silent: AtomicBool,
    heard: Notify,
}

/// The mail server; ends with its test.
pub struct Post {
    address: SocketAddr,
    state: Arc<State>,
    _tasks: Tasks,
}

impl Post {
    /// One that takes everything.
    pub async fn open() -> Post {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (state, tasks) = (Arc::new(State::default()), Tasks::default());
        let (told, inside) = (state.clone(), tasks.clone());
        tasks.once("mail server", async move {
            while let Ok((stream, _)) = listener.accept().await {
                inside.once("mail", told.clone().serve(stream));
            }
        });
        Post { address, state, _tasks: tasks }
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
                let first = self.rest_of(1).pop();
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
        self.rest_of(usize::MAX)
    }

    fn rest_of(&self, most: usize) -> Vec<Mail> {
        let mut taken = self.state.taken.lock();
        let most = most.min(taken.len());
        taken.drain(..most).collect()
    }

    /// From now on it says this to whoever mail is for; nothing: it takes it.
    pub fn says(&self, words: Option<&'static str>) {
        *self.state.says.lock() = words;
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

impl State {
    /// A client that goes away in the middle ends the talk, which is not our affair.
    async fn serve(self: Arc<Self>, stream: TcpStream) {
        let _ = self.talk(BufReader::new(stream)).await;
    }

    async fn talk(&self, mut stream: BufReader<TcpStream>) -> std::io::Result<()> {
        stream.write_all(b"220 localhost ESMTP\r\n").await?;
        let mut to = String::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let answer = match verb.as_str() {
                "RCPT" => match *self.says.lock() {
                    Some(words) => words,
                    None => {
                        let address = line.split(['<', '>']).nth(1).unwrap_or_default();
                        to = address.to_owned();
                        "250 yes"
                    }
                },
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    let data = text(&mut stream).await?;
                    self.heard.notify_one();
                    if self.silent.load(Ordering::SeqCst) {
                        stream.read_to_end(&mut Vec::new()).await?;
                        return Ok(());
                    }
                    self.taken.lock().push(Mail { to: to.clone(), data });
                    self.came.notify_one();
                    "250 taken"
                }
                "QUIT" => {
                    stream.write_all(b"221 goodbye\r\n").await?;
                    return Ok(());
                }
                _ => "250 yes",
            };
            stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
    }
}

/// A mail's text, up to the lone dot.
async fn text(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut data = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(data);
        }
        // A dot at the beginning was doubled on its way.
        data.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
