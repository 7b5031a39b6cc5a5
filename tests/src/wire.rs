//! A client without a memory, for stories about the wire itself: REST calls as JSON in and out, and
//! a socket that sends frames as written and shows them as they come.

use crate::wait::soon;
use futures_util::{SinkExt, StreamExt};
use hallway_protocol::frames::{ClientFrame, Done, ErrorFrame, Hello, Send, ServerFrame, Welcome};
use hallway_protocol::ids::{Key, RoomId, Seq, UserId};
use hallway_protocol::rows::{Message, Row};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// The password of everyone in these tests.
pub const PASSWORD: &str = "correct horse battery";

/// A new key of this moment.
#[must_use]
pub fn key() -> Key {
    Key::new(hallway_kit::Clock::system().now())
}

/// An HTTP client with nothing on it.
#[must_use]
pub fn plain() -> reqwest::Client {
    // Asked for by reqwest before its first client; a second call finds it done.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

/// REST under `/api/v1`, as one person or as nobody.
#[derive(Clone)]
pub struct Rest {
    http: reqwest::Client,
    base: String,
    /// The bearer token, once signed in.
    pub token: Option<String>,
    /// Who that is.
    pub user: UserId,
    /// For the next access token.
    pub refresh_token: String,
}

/// What came back.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body as JSON; null when there was none.
    pub body: Value,
}

impl Answer {
    /// The body, of a call that must have succeeded.
    #[track_caller]
    pub fn good(self) -> Value {
        assert!((200..300).contains(&self.status), "refused with {}: {}", self.status, self.body);
        self.body
    }

    /// The body as a type.
    #[track_caller]
    pub fn read<T: DeserializeOwned>(self) -> T {
        let body = self.good();
        serde_json::from_value(body.clone()).unwrap_or_else(|e| panic!("{e}: {body}"))
    }

    /// Status and code, of a call that must have been refused.
    #[track_caller]
    pub fn refused(&self) -> (u16, &str) {
        let code = self.body["code"].as_str();
        (self.status, code.unwrap_or_else(|| panic!("not a refusal: {self:?}")))
    }
}

impl Rest {
    /// Nobody yet, at `url`.
    #[must_use]
    pub fn at(url: &str) -> Rest {
        let base = format!("{url}/api/v1");
        Rest { http: plain(), base, token: None, user: UserId(0), refresh_token: String::new() }
    }

    /// The same person at another address of the same server.
    #[must_use]
    pub fn via(&self, url: &str) -> Rest {
        Rest { base: format!("{url}/api/v1"), ..self.clone() }
    }

    /// Makes an account; signed in after it.
    pub async fn register(url: &str, name: &str, invite: &str) -> Rest {
        let display = capitalised(name);
        let body = json!({"name": name, "display_name": display, "password": PASSWORD,
            "invite": invite, "device": "test"});
        Rest::at(url).signed_in("/auth/register", body).await
    }

    /// Signs in once more: another device.
    pub async fn sign_in(url: &str, name: &str) -> Rest {
        let body = json!({"login": name, "password": PASSWORD, "device": "test"});
        Rest::at(url).signed_in("/auth/login", body).await
    }

    async fn signed_in(mut self, path: &str, body: Value) -> Rest {
        let answer = self.post(path, body).await.good();
        self.user = UserId(answer["user"]["user"].as_i64().expect("a user row"));
        self.takes(&answer["session"]);
        self
    }

    /// Goes on with the tokens of `session`.
    pub fn takes(&mut self, session: &Value) {
        self.token = session["access_token"].as_str().map(str::to_owned);
        self.refresh_token = session["refresh_token"].as_str().unwrap_or_default().to_owned();
    }

    /// Any call.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.tries(method, path, body).await.unwrap_or_else(|e| panic!("{method} {path}: {e:#}"))
    }

    /// Any call, where the link or the server may fail.
    pub async fn tries(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Answer> {
        let method = reqwest::Method::from_bytes(method.as_bytes())?;
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await?;
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body)? };
        Ok(Answer { status, body })
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None).await
    }

    /// `POST`.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some(body)).await
    }

    /// `PUT`.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call("PUT", path, Some(body)).await
    }

    /// `PATCH`.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call("PATCH", path, Some(body)).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, None).await
    }

    /// Makes a public channel.
    pub async fn creates(&self, name: &str) -> RoomId {
        let body = json!({"kind": "channel", "name": name});
        RoomId(self.post("/rooms", body).await.good()["room"].as_i64().expect("a room row"))
    }

    /// Enters a public room.
    pub async fn joins(&self, room: RoomId) {
        self.post(&format!("/rooms/{room}/join"), json!({})).await.good();
    }

    /// Says something; the message row.
    pub async fn says(&self, room: RoomId, text: &str) -> Message {
        let body = json!({"key": key(), "text": text});
        self.post(&format!("/rooms/{room}/messages"), body).await.read()
    }

    /// Every row of the room's history, oldest first, page by page.
    pub async fn history(&self, room: RoomId) -> Vec<Message> {
        let mut all: Vec<Message> = Vec::new();
        loop {
            let before =
                all.first().map_or(String::new(), |first| format!("&before={}", first.seq));
            let page = self.get(&format!("/rooms/{room}/messages?limit=100{before}")).await;
            let page: hallway_protocol::rest::Page = page.read();
            let mut rows = messages(&page.rows);
            rows.retain(|row| (page.lo..=page.hi).contains(&row.seq));
            if rows.is_empty() {
                return all;
            }
            rows.append(&mut all);
            all = rows;
        }
    }
}

/// The messages among `rows`, by `seq`.
#[must_use]
pub fn messages(rows: &[Row]) -> Vec<Message> {
    let message = |row: &Row| match row {
        Row::Message(message) => Some(message.clone()),
        _ => None,
    };
    let mut messages: Vec<_> = rows.iter().filter_map(message).collect();
    messages.sort_by_key(|message| message.seq);
    messages
}

/// `ada` → `Ada`.
#[must_use]
pub fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// One open socket. What arrives while an answer is waited for is kept for [`Socket::next`].
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    kept: std::collections::VecDeque<ServerFrame>,
    /// Answer to `hello`.
    pub welcome: Welcome,
    id: u64,
}

/// How a socket ended: the close code, or none when the link just broke.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended(pub Option<u16>);

impl Socket {
    /// Connects as `who` with nothing in hand, and waits for `welcome`.
    pub async fn open(who: &Rest) -> Socket {
        Self::tries(who, hello(who)).await.expect("the socket opens")
    }

    /// Connects with a `hello` of one's own, where link or server may fail.
    pub async fn tries(who: &Rest, hello: Hello) -> anyhow::Result<Socket> {
        let url = format!("{}/socket", who.base.replacen("http", "ws", 1));
        let (stream, _) = tokio_tungstenite::connect_async(url).await?;
        Self::greet(stream, hello).await
    }

    /// Says `hello` on a connection made before.
    pub async fn greet(
        stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
        hello: Hello,
    ) -> anyhow::Result<Socket> {
        let nothing = Welcome {
            v: 0,
            connection: String::new(),
            epoch: String::new(),
            now: 0,
            heartbeat_ms: 0,
            own_head: 0,
            rooms: Vec::new(),
            gone: Vec::new(),
            limits: hallway_protocol::limits::Limits::default(),
        };
        let mut socket = Socket { stream, kept: Default::default(), welcome: nothing, id: 0 };
        socket.send(&ClientFrame::Hello(hello)).await?;
        match socket.read().await {
            Ok(ServerFrame::Welcome(welcome)) => socket.welcome = welcome,
            other => anyhow::bail!("no welcome: {other:?}"),
        }
        Ok(socket)
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: &ClientFrame) -> anyhow::Result<()> {
        self.raw(serde_json::to_string(frame)?).await
    }

    /// Sends text as it stands.
    pub async fn raw(&mut self, text: String) -> anyhow::Result<()> {
        Ok(self.stream.send(tungstenite::Message::text(text)).await?)
    }

    /// A new `id` for a command.
    pub fn id(&mut self) -> u64 {
        self.id += 1;
        self.id
    }

    /// The next frame, those kept aside first; `Err` when the socket ended.
    pub async fn next(&mut self) -> Result<ServerFrame, Ended> {
        match self.kept.pop_front() {
            Some(frame) => Ok(frame),
            None => self.read().await,
        }
    }

    async fn read(&mut self) -> Result<ServerFrame, Ended> {
        loop {
            match self.stream.next().await {
                Some(Ok(tungstenite::Message::Text(text))) => {
                    let frame = serde_json::from_str(&text);
                    return Ok(frame.unwrap_or_else(|e| panic!("{e} in a frame: {text}")));
                }
                Some(Ok(tungstenite::Message::Close(close))) => {
                    return Err(Ended(close.map(|close| close.code.into())));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Ended(None)),
            }
        }
    }

    /// Waits for a frame that `wanted` makes something of; others are kept.
    pub async fn until<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&ServerFrame) -> Option<T>,
    ) -> T {
        if let Some((at, found)) =
            self.kept.iter().enumerate().find_map(|(at, frame)| Some((at, wanted(frame)?)))
        {
            self.kept.remove(at);
            return found;
        }
        soon(what, async {
            loop {
                let frame = self.read().await.unwrap_or_else(|e| panic!("{what}: {e:?}"));
                match wanted(&frame) {
                    Some(found) => return found,
                    None => self.kept.push_back(frame),
                }
            }
        })
        .await
    }

    /// Waits for the answer to command `id`.
    pub async fn answer(&mut self, id: u64) -> Result<Done, ErrorFrame> {
        self.until("an answer", |frame| match frame {
            ServerFrame::Ok(done) if done.id == id => Some(Ok(done.clone())),
            ServerFrame::Error(error) if error.id == Some(id) => Some(Err(error.clone())),
            _ => None,
        })
        .await
    }

    /// Says all of these in a room, with a window of commands under way; the last one's number.
    pub async fn pours(&mut self, room: RoomId, texts: impl IntoIterator<Item = String>) -> Seq {
        const UNDER_WAY: usize = 64;
        let (mut ids, mut last) = (std::collections::VecDeque::new(), 0);
        let mut texts = texts.into_iter();
        loop {
            let more = texts.next();
            if let Some(text) = &more {
                ids.push_back(self.says(room, key(), text).await.expect("the socket is open"));
            }
            if more.is_none() || ids.len() >= UNDER_WAY {
                let Some(id) = ids.pop_front() else { return last };
                let done = self.answer(id).await.expect("taken");
                last = done.seq.expect("a send has a number");
                // Answers come in order, so only what is no answer is thrown away here.
                self.kept
                    .retain(|frame| matches!(frame, ServerFrame::Ok(_) | ServerFrame::Error(_)));
            }
        }
    }

    /// Says something, without waiting for the answer; the command's id.
    pub async fn says(&mut self, room: RoomId, key: Key, text: &str) -> anyhow::Result<u64> {
        let id = self.id();
        self.send(&ClientFrame::Send(message(id, room, key, text))).await?;
        Ok(id)
    }

    /// Waits for the event numbered `seq` of `room`; its rows.
    pub async fn event(&mut self, room: RoomId, seq: Seq) -> Vec<Row> {
        self.until(&format!("event {seq}"), |frame| match frame {
            ServerFrame::Event { room: r, seq: s, rows } if (*r, *s) == (room, seq) => {
                Some(rows.clone())
            }
            _ => None,
        })
        .await
    }

    /// Waits for the end; the close code.
    pub async fn ends(mut self) -> Ended {
        soon("the socket's end", async {
            loop {
                if let Err(ended) = self.next().await {
                    return ended;
                }
            }
        })
        .await
    }
}

/// A `hello` of somebody who holds nothing.
#[must_use]
pub fn hello(who: &Rest) -> Hello {
    Hello {
        v: hallway_protocol::VERSION,
        token: who.token.clone(),
        device: "test".into(),
        epoch: None,
        own: 0,
        rooms: Default::default(),
        focus: Vec::new(),
    }
}

/// A plain `send`.
#[must_use]
pub fn message(id: u64, room: RoomId, key: Key, text: &str) -> Send {
    Send {
        id,
        room,
        key,
        text: text.into(),
        reply: None,
        thread: None,
        files: Vec::new(),
        meta: Default::default(),
        clears_draft: false,
    }
}
