//! The harness: a server process, people with tokens, sockets with deadlines. Nothing sleeps; each
//! wait is for something said, and gives up loudly.

use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio_tungstenite::tungstenite::{self, Message};

/// How long anything may take before the test says what was missing.
pub const PATIENCE: Duration = Duration::from_secs(15);
/// A password no list of common ones has.
pub const PASSWORD: &str = "kettle-on-the-top-shelf";

/// A server with a data folder of its own; ends with the test.
pub struct House {
    child: Child,
    address: String,
    dir: tempfile::TempDir,
    http: reqwest::Client,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The body, which must have come with this status.
    #[track_caller]
    pub fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// The body, which must have come with a yes.
    #[track_caller]
    pub fn fine(self) -> Value {
        assert!(self.status < 300, "{}: {}", self.status, self.body);
        self.body
    }

    /// The code of a refusal.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("")
    }
}

impl House {
    pub fn open() -> House {
        House::with(&[("HALLWAY_LIMITS", "off")])
    }

    pub fn with(environment: &[(&str, &str)]) -> House {
        // A second installation is refused, which is fine: one is there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut child = Command::new(env!("CARGO_BIN_EXE_hallway-server"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(dir.path())
            .envs(environment.iter().copied())
            .env("HALLWAY_LOG_LEVEL", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let said: Value = serde_json::from_str(&line).expect("one JSON line on stdout");
        let address = said["listening"].as_str().expect("the address").to_owned();
        House { child, address, dir, http: reqwest::Client::new() }
    }

    pub fn data(&self) -> &Path {
        self.dir.path()
    }

    pub fn url(&self, path: &str) -> String {
        match path {
            "/health" | "/health/ready" | "/metrics" => format!("http://{}{path}", self.address),
            _ => format!("http://{}/api/v1{path}", self.address),
        }
    }

    /// One call; `headers` beside the usual ones.
    pub async fn call(
        &self,
        token: Option<&str>,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self.http.request(method, self.url(path)).timeout(PATIENCE * 3);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.send().await.expect("an answer")).await
    }

    /// A body as it stands, whatever it is.
    pub async fn raw(&self, token: Option<&str>, path: &str, kind: &str, body: String) -> Answer {
        let mut request = self.http.post(self.url(path)).header("content-type", kind).body(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        read(request.send().await.expect("an answer")).await
    }

    /// Ada, who owns the server.
    pub async fn ada(&self) -> Person<'_> {
        let token = std::fs::read_to_string(self.data().join("first-owner")).expect("the token");
        self.register("ada", Some(token.trim())).await
    }

    /// Somebody new, by an invite of `host`.
    pub async fn newcomer(&self, host: &Person<'_>, name: &str) -> Person<'_> {
        let invite = host.post("/invites", json!({})).await.ok(201);
        self.register(name, invite["code"].as_str()).await
    }

    pub async fn register(&self, name: &str, invite: Option<&str>) -> Person<'_> {
        let body = json!({"name": name, "password": PASSWORD, "invite": invite, "device": "test"});
        let said = self.call(None, Method::POST, "/auth/register", Some(body), &[]).await.ok(201);
        assert_eq!(said["verify_email"], false);
        Person::new(self, said)
    }

    /// A further session of somebody.
    pub async fn login(&self, name: &str) -> Person<'_> {
        let body = json!({"login": name, "password": PASSWORD, "device": "other"});
        let said = self.call(None, Method::POST, "/auth/login", Some(body), &[]).await.ok(200);
        Person::new(self, said)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn read(response: reqwest::Response) -> Answer {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let text = response.text().await.expect("a body");
    let body = match text.as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.into())),
    };
    Answer { status, headers, body }
}

/// Somebody signed in.
pub struct Person<'h> {
    pub house: &'h House,
    pub user: i64,
    pub session: String,
    pub token: String,
    pub refresh: String,
}

impl<'h> Person<'h> {
    fn new(house: &'h House, said: Value) -> Person<'h> {
        let text = |of: &str| said["session"][of].as_str().expect("a session").to_owned();
        Person {
            house,
            user: said["user"]["user"].as_i64().expect("an id"),
            session: text("id"),
            token: text("access_token"),
            refresh: text("refresh_token"),
        }
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.house.call(Some(&self.token), method, path, body, &[]).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// A private group of the caller and `others`; its id.
    pub async fn group(&self, name: &str, others: &[&Person<'_>]) -> i64 {
        let members: Vec<i64> = others.iter().map(|person| person.user).collect();
        let body = json!({"kind": "group", "name": name, "members": members});
        self.post("/rooms", body).await.ok(201)["room"].as_i64().expect("an id")
    }

    /// Says something over REST; the message row.
    pub async fn says(&self, room: i64, text: &str) -> Value {
        let body = json!({"key": key(), "text": text});
        self.post(&format!("/rooms/{room}/messages"), body).await.ok(201)
    }

    /// A socket that has said `hello` with nothing held, and its `welcome`.
    pub async fn socket(&self) -> (Socket, Value) {
        self.socket_from(0, json!([])).await
    }

    pub async fn socket_from(&self, own: i64, rooms: Value) -> (Socket, Value) {
        let mut socket = Socket::dial(self.house).await;
        socket
            .say(json!({"type": "hello", "v": 1, "token": self.token, "device": "test",
                "own": own, "rooms": rooms}))
            .await;
        let welcome = socket.hears("welcome").await;
        (socket, welcome)
    }
}

/// A WebSocket that speaks JSON.
pub struct Socket {
    stream: tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>,
    next: u64,
}

impl Socket {
    pub async fn dial(house: &House) -> Socket {
        let url = house.url("/socket").replacen("http", "ws", 1);
        let plain = tokio::net::TcpStream::connect(&house.address).await.expect("a connection");
        let (stream, _) = tokio_tungstenite::client_async(url, plain).await.expect("an upgrade");
        Socket { stream, next: 0 }
    }

    pub async fn say(&mut self, frame: Value) {
        self.raw(frame.to_string()).await;
    }

    pub async fn raw(&mut self, text: String) {
        self.stream.send(Message::text(text)).await.expect("the frame leaves");
    }

    /// Sends a command with an id of its own; the id.
    pub async fn asks(&mut self, mut frame: Value) -> u64 {
        self.next += 1;
        frame["id"] = json!(self.next);
        self.say(frame).await;
        self.next
    }

    /// Sends a command and waits for what carries its id.
    pub async fn told(&mut self, frame: Value) -> Value {
        let id = self.asks(frame).await;
        self.until(|said| said["id"] == id).await
    }

    /// The next frame of this type; others are passed over.
    pub async fn hears(&mut self, kind: &str) -> Value {
        self.until(|said| said["type"] == kind).await
    }

    /// The next frame that fits; others are passed over.
    pub async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        let mut passed = Vec::new();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            match tokio::time::timeout_at(deadline, self.frame()).await {
                Ok(Ok(frame)) if fits(&frame) => return frame,
                Ok(Ok(frame)) => passed.push(frame),
                Ok(Err(code)) => panic!("closed with {code:?}; before that: {passed:#?}"),
                Err(_) => panic!("never came; what came: {passed:#?}"),
            }
        }
    }

    /// The code with which the server closes; frames before it are passed over.
    pub async fn closed(&mut self) -> Option<u16> {
        tokio::time::timeout(PATIENCE, async {
            loop {
                if let Err(code) = self.frame().await {
                    return code;
                }
            }
        })
        .await
        .expect("the server closes")
    }

    /// The next frame but heartbeats, or the close code.
    pub async fn answer(&mut self) -> Result<Value, Option<u16>> {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.frame()).await.expect("an answer")?;
            if frame["type"] != "heartbeat" {
                return Ok(frame);
            }
        }
    }

    /// The next frame, or the close code.
    async fn frame(&mut self) -> Result<Value, Option<u16>> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    assert!(text.starts_with(r#"{"type":"#), "type comes first: {text}");
                    return Ok(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Close(close))) => return Err(close.map(|c| c.code.into())),
                Some(Ok(_)) => {}
                Some(Err(tungstenite::Error::Protocol(_) | tungstenite::Error::Io(_))) | None => {
                    return Err(None);
                }
                Some(Err(error)) => panic!("{error}"),
            }
        }
    }
}

/// A fresh idempotency key.
pub fn key() -> String {
    static LAST: std::sync::atomic::AtomicI64 =
        std::sync::atomic::AtomicI64::new(1_795_165_680_123);
    let at = LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    hallway_protocol::ids::Key::new(at).to_string()
}

/// The rows of a kind among `rows`.
pub fn of_kind<'v>(rows: &'v Value, t: &str) -> Vec<&'v Value> {
    rows.as_array().expect("rows").iter().filter(|row| row["t"] == t).collect()
}
