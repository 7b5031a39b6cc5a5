//! Somebody whom the server calls: HTTP, or HTTPS with a certificate that signs itself. It keeps
//! what it was told, and answers what the test wants: also never, without end, or not at all.

use crate::tls::Certificate;
use crate::wait::soon;
use hallway_kit::Tasks;
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// A request it got.
#[derive(Clone, Debug)]
pub struct Heard {
    /// `POST`, say.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// By their names in lower case.
    pub headers: HashMap<String, String>,
    /// As it came.
    pub body: Vec<u8>,
}

impl Heard {
    /// The text it is.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_else(|_| panic!("no text: {self:?}"))
    }

    /// The JSON it is.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

/// What it answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A status with this body of this type.
    Say(u16, &'static str, String),
    /// 200 with these bytes of this type.
    Bytes(&'static str, Vec<u8>),
    /// A redirect.
    Lead(u16, String),
    /// It reads, and never says a word.
    Silence,
    /// It hangs up.
    HangUp,
    /// A body that says it has ten billion bytes, and sends until nobody reads any more.
    Flood,
}

impl Reply {
    /// Just a yes.
    #[must_use]
    pub fn yes() -> Reply {
        Reply::Say(200, "text/plain", "ok".into())
    }

    /// Just this status.
    #[must_use]
    pub fn status(status: u16) -> Reply {
        Reply::Say(status, "text/plain", String::new())
    }
}

type Answers = Box<dyn Fn(&Heard) -> Reply + Send + Sync>;

struct State {
    heard: Mutex<VecDeque<Heard>>,
    came: Notify,
    connections: AtomicUsize,
    answers: Mutex<Answers>,
}

/// The server; ends with its test.
pub struct Listener {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its certificate, PEM.
    pub certificate: Option<String>,
    state: Arc<State>,
    _tasks: Tasks,
}

impl Listener {
    /// One that says yes.
    pub async fn open() -> Listener {
        Listener::with(None).await
    }

    /// The same by TLS, as `localhost`.
    pub async fn secure() -> Listener {
        Listener::with(Some(Certificate::of("localhost"))).await
    }

    async fn with(certificate: Option<Certificate>) -> Listener {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let tls = certificate.as_ref().map(Certificate::acceptor);
        let state = Arc::new(State {
            heard: Mutex::default(),
            came: Notify::new(),
            connections: AtomicUsize::new(0),
            answers: Mutex::new(Box::new(|_| Reply::yes())),
        });
        let tasks = Tasks::default();
        let (inner, told) = (tasks.clone(), state.clone());
        tasks.once("listener", async move {
            while let Ok((stream, _)) = listener.accept().await {
                told.connections.fetch_add(1, Ordering::SeqCst);
                let (state, tls) = (told.clone(), tls.clone());
                inner.once("call", async move {
                    match tls {
                        None => state.talk(stream).await,
                        // Who does not believe the certificate goes away.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                state.talk(stream).await;
                            }
                        }
                    }
                });
            }
        });
        let certificate = certificate.map(|certificate| certificate.pem());
        Listener { address, certificate, state, _tasks: tasks }
    }

    /// From now on it answers so.
    pub fn answers(&self, answers: impl Fn(&Heard) -> Reply + Send + Sync + 'static) {
        *self.state.answers.lock() = Box::new(answers);
    }

    /// An address of it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many connections there were.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// The next request, in the order they came.
    pub async fn next(&self) -> Heard {
        let next = async {
            loop {
                let came = self.state.came.notified();
                if let Some(heard) = self.state.heard.lock().pop_front() {
                    return heard;
                }
                came.await;
            }
        };
        soon("a call", next).await
    }

    /// What it was told and nobody has asked for yet.
    pub fn rest(&self) -> Vec<Heard> {
        self.state.heard.lock().drain(..).collect()
    }
}

impl State {
    /// One connection: one request, one answer.
    async fn talk(&self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut stream = BufReader::new(stream);
        let Some(heard) = heard(&mut stream).await else { return };
        let reply = (self.answers.lock())(&heard);
        self.heard.lock().push_back(heard);
        self.came.notify_one();
        let head = match &reply {
            Reply::Say(status, kind, body) => format!(
                "HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            ),
            Reply::Bytes(kind, bytes) => format!(
                "HTTP/1.1 200 x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
                bytes.len()
            ),
            Reply::Lead(status, to) => {
                format!("HTTP/1.1 {status} x\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
            }
            Reply::Flood => {
                "HTTP/1.1 200 x\r\ncontent-type: text/html\r\ncontent-length: 10000000000\r\n\r\n"
                    .into()
            }
            Reply::Silence => {
                // Until the other side has had enough.
                let _ = stream.read_to_end(&mut Vec::new()).await;
                return;
            }
            Reply::HangUp => return,
        };
        let _ = stream.write_all(head.as_bytes()).await;
        if let Reply::Bytes(_, bytes) = &reply {
            let _ = stream.write_all(bytes).await;
        }
        if let Reply::Flood = reply {
            let part = vec![b'x'; 65_536];
            while stream.write_all(&part).await.is_ok() {}
        }
        let _ = stream.shutdown().await;
    }
}

/// Reads a request; none when the other side says nothing whole.
async fn heard(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<Heard> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some(Heard { method, path, headers, body })
}
