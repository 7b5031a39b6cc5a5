//! A server of one's own, and people who talk to it.

use hallway_kit::{Clock, Stopper, Tasks};
use hallway_protocol::ids::Key;
use hallway_server::Server;
use hallway_server::app::App;
use hallway_server::config::{Config, Switch};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Long enough for a machine under load; nothing waits so long that works.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Everyone's password; each name has its own salt.
pub const PASSWORD: &str = "a tea pot at noon";

/// A running server.
pub struct House {
    pub address: SocketAddr,
    pub app: App,
    pub clock: Clock,
    tasks: Tasks,
    stopper: Stopper,
    folder: TempDir,
}

impl House {
    /// Rates off.
    pub async fn open() -> House {
        House::with(|_| {}).await
    }

    /// Configured by `change`.
    pub async fn with(change: impl FnOnce(&mut Config)) -> House {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data: folder.path().join("data"), ..Config::default() };
        config.limits = Switch::Off;
        change(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clock = Clock::system();
        let server = Server::open(config, address, clock.clone()).await.unwrap();
        let app = server.app().clone();
        let (tasks, (stopper, stop)) = (Tasks::default(), Stopper::new());
        tasks.once("server", async move { server.run(listener, stop).await.unwrap() });
        House { address, app, clock, tasks, stopper, folder }
    }

    /// The token of the first owner, as the operator reads it.
    pub fn owner_token(&self) -> Option<String> {
        std::fs::read_to_string(self.folder.path().join("data/first-owner")).ok()
    }

    /// Asks it to stop and waits for it; whether it came in time.
    pub async fn stop(self) -> bool {
        self.stopper.stop();
        self.tasks.end(Duration::from_secs(10)).await.is_empty()
    }

    /// A call without a token.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        Call::new(method, path).body(body).to(self.address).await
    }

    /// The first owner.
    pub async fn ada(&self) -> Person {
        let token = self.owner_token().expect("nobody owns it yet");
        self.register("ada", token.trim()).await
    }

    /// Somebody with an invite or token.
    pub async fn register(&self, name: &str, invite: &str) -> Person {
        let body = json!({ "name": name, "password": PASSWORD, "invite": invite });
        let answer = self.call("POST", "/auth/register", body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        Person::of(self.address, &answer.body)
    }

    /// Somebody whom `by` invites.
    pub async fn invited(&self, by: &Person, name: &str) -> Person {
        let invite = by.post("/invites", json!({})).await.ok(201);
        self.register(name, invite["code"].as_str().unwrap()).await
    }

    /// One more device of a person.
    pub async fn login(&self, name: &str) -> Person {
        let body = json!({ "login": name, "password": PASSWORD, "device": "laptop" });
        Person::of(self.address, &self.call("POST", "/auth/login", body).await.ok(200))
    }
}

/// A signed-in person.
#[derive(Clone)]
pub struct Person {
    pub id: i64,
    pub token: String,
    pub refresh: String,
    pub session: String,
    pub address: SocketAddr,
}

impl Person {
    pub fn of(address: SocketAddr, body: &Value) -> Person {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Person {
            id: body["user"]["user"].as_i64().unwrap(),
            token: text(&body["session"]["access_token"]),
            refresh: text(&body["session"]["refresh_token"]),
            session: text(&body["session"]["id"]),
            address,
        }
    }

    pub async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        Call::new(method, path).token(&self.token).body(body).to(self.address).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, body).await
    }

    /// Makes a group with these people.
    pub async fn room(&self, name: &str, members: &[&Person]) -> i64 {
        let members: Vec<_> = members.iter().map(|person| person.id).collect();
        let body = json!({ "kind": "group", "name": name, "members": members });
        self.post("/rooms", body).await.ok(201)["room"].as_i64().unwrap()
    }

    /// Says something; its `seq`.
    pub async fn says(&self, room: i64, text: &str) -> i64 {
        let body = json!({ "key": key(), "text": text });
        let said = self.post(&format!("/rooms/{room}/messages"), body).await.ok(201);
        said["seq"].as_i64().unwrap()
    }
}

/// A new key.
pub fn key() -> String {
    Key::new(1_795_165_680_000).to_string()
}

/// A call in the making.
pub struct Call {
    head: String,
    body: Option<Vec<u8>>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Value,
}

impl Answer {
    /// The body of an answer that has this status.
    #[track_caller]
    pub fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.body
    }

    /// The code of a refusal, which must be whole: the shape, the number of the request, the type.
    #[track_caller]
    pub fn refused(&self) -> &str {
        let keys = ["after_ms", "code", "fields", "message", "retry"];
        let body = self.body.as_object().unwrap_or_else(|| panic!("no object: {self:?}"));
        let mut found: Vec<_> = body.keys().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, keys, "{self:?}");
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.headers["x-request-id"].len(), 36);
        self.body["code"].as_str().unwrap()
    }
}

impl Call {
    pub fn new(method: &str, path: &str) -> Call {
        Call::at(method, &format!("/api/v1{path}"))
    }

    /// Outside the interface's prefix.
    pub fn at(method: &str, path: &str) -> Call {
        let path = path.replace(' ', "%20");
        let head = format!("{method} {path} HTTP/1.1\r\nhost: hallway\r\nconnection: close\r\n");
        Call { head, body: None }
    }

    pub fn header(mut self, name: &str, value: &str) -> Call {
        self.head += &format!("{name}: {value}\r\n");
        self
    }

    pub fn token(self, token: &str) -> Call {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn body(self, body: Value) -> Call {
        if body.is_null() {
            self
        } else {
            self.raw("application/json", body.to_string().into_bytes())
        }
    }

    pub fn raw(self, kind: &str, body: Vec<u8>) -> Call {
        Call { body: Some(body), ..self.header("content-type", kind) }
    }

    pub async fn to(self, address: SocketAddr) -> Answer {
        let body = self.body.unwrap_or_default();
        let head = format!("{}content-length: {}\r\n\r\n", self.head, body.len());
        let sent = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            // A server that refuses a large body does not read it to its end.
            let _ = stream.write_all(&body).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            answer
        };
        parse(&tokio::time::timeout(PATIENCE, sent).await.expect("an answer in time"))
    }
}

fn parse(answer: &[u8]) -> Answer {
    let split = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = std::str::from_utf8(&answer[..split]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let text = String::from_utf8_lossy(&answer[split + 4..]).into_owned();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    let body = if body == json!("") { Value::Null } else { body };
    Answer { status, headers, body }
}

impl Person {
    /// A call with a method and no body.
    pub async fn get_by(&self, method: &str, path: &str) -> Answer {
        self.call(method, path, Value::Null).await
    }
}
