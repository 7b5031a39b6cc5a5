//! Somebody whom the server calls: a small HTTP server that keeps what it is told and answers as a
//! test says. It can be down, and come back at the same address.

use crate::wait::soon;
use hallway_kit::Tasks;
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
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
    /// The JSON it is.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

/// What it answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// This status with this body of this type.
    Say(u16, &'static str, String),
    /// It reads and says nothing, until the other side goes.
    Silence,
    /// It hangs up.
    HangUp,
}

impl Reply {
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

/// The listener; ends with its test.
pub struct Listener {
    address: SocketAddr,
    state: Arc<State>,
    _tasks: Tasks,
}

impl Listener {
    /// One that says yes to everything.
    pub async fn open() -> Listener {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            heard: Mutex::default(),
            came: Notify::new(),
            connections: AtomicUsize::new(0),
            answers: Mutex::new(Box::new(|_| Reply::status(200))),
        });
        let tasks = Tasks::default();
        let (inside, told) = (tasks.clone(), state.clone());
        tasks.once("listener", async move {
            while let Ok((stream, _)) = listener.accept().await {
                told.connections.fetch_add(1, Ordering::SeqCst);
                inside.once("call", told.clone().talk(stream));
            }
        });
        Listener { address, state, _tasks: tasks }
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

    /// How often somebody connected.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// The next request, in the order they came; each is handed out once.
    pub async fn next(&self) -> Heard {
        soon("a call", async {
            loop {
                let came = self.state.came.notified();
                if let Some(heard) = self.state.heard.lock().pop_front() {
                    return heard;
                }
                came.await;
            }
        })
        .await
    }

    /// What it was told and nobody has asked for.
    #[must_use]
    pub fn rest(&self) -> Vec<Heard> {
        self.state.heard.lock().drain(..).collect()
    }
}

impl State {
    /// One connection: one request, one answer.
    async fn talk(self: Arc<Self>, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        let Some(heard) = heard(&mut stream).await else { return };
        let reply = (self.answers.lock())(&heard);
        self.heard.lock().push_back(heard);
        self.came.notify_one();
        match reply {
            Reply::Say(status, kind, body) => {
                let answer = format!(
                    "HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\
                     connection: close\r\n\r\n{body}",
                    body.len()
                );
                // Whoever went away in the middle hears nothing, as anywhere.
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
            Reply::Silence => {
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
            Reply::HangUp => {}
        }
    }
}

/// Reads a request; none when the other side says nothing whole.
async fn heard(stream: &mut BufReader<TcpStream>) -> Option<Heard> {
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
