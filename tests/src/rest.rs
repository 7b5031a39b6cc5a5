//! REST calls as JSON in and out, as one person, as a tenant's backend, or as nobody.

use hallway_protocol::ids::{Key, RoomId, UserId};
use hallway_protocol::rows::{Message, Row};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

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
    client().build().expect("a client")
}

/// The same, for one who wants something on it.
pub fn client() -> reqwest::ClientBuilder {
    // Asked for by reqwest before its first client; a second call finds it done.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A connection that is kept may be ended by the server just when it is used again, as after a
    // restart or a turn of its clock.
    reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0)
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
    /// What each call carries besides.
    headers: Vec<(&'static str, String)>,
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
        let (http, token, refresh_token, headers) = (plain(), None, String::new(), Vec::new());
        Rest { http, base, token, user: UserId(0), refresh_token, headers }
    }

    /// The same with one more header on each call.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Rest {
        self.headers.push((name, value.into()));
        self
    }

    /// What each call carries besides.
    pub(crate) fn headers(&self) -> &[(&'static str, String)] {
        &self.headers
    }

    /// Where the interface is.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The same person by a client of the test's own.
    #[must_use]
    pub fn by(&self, http: reqwest::Client) -> Rest {
        Rest { http, ..self.clone() }
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
        for (name, value) in &self.headers {
            request = request.header(*name, value);
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

    /// New tokens for old, as after the hour of the first ones.
    pub async fn renew(&mut self) {
        let body = json!({"refresh_token": self.refresh_token});
        let nobody = Rest { token: None, ..self.clone() };
        let answer = nobody.post("/auth/refresh", body).await.good();
        self.takes(&answer["session"]);
    }

    /// A call whose answer is bytes: status, type, the bytes.
    pub async fn bytes(&self, path: &str) -> (u16, String, Vec<u8>) {
        let mut request = self.http.get(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.expect("answered");
        let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        let (status, kind) = (answer.status().as_u16(), kind.unwrap_or_default().to_owned());
        (status, kind, answer.bytes().await.expect("all of it").to_vec())
    }

    /// A call whose answer is text.
    pub async fn text(&self, path: &str) -> String {
        let mut request = self.http.get(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await.expect("answered");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.text().await.expect("text")
    }

    /// Announces a file, without its bytes; the answer.
    pub async fn announces(&self, name: &str, kind: &str, bytes: &[u8]) -> Value {
        let new = json!({"name": name, "type": kind, "size": bytes.len(),
            "sha256": crate::files::sha256(bytes)});
        self.post("/media", new).await.good()
    }

    /// Sends bytes where an upload wants them; the status.
    pub async fn sends(&self, upload: &Value, bytes: &[u8]) -> u16 {
        let url = upload["url"].as_str().expect("an address");
        let mut request = self.http.put(url).body(bytes.to_vec());
        for (name, value) in upload["headers"].as_object().into_iter().flatten() {
            request = request.header(name, value.as_str().expect("text"));
        }
        request.send().await.expect("answered").status().as_u16()
    }

    /// Uploads a file to its end; what became of it.
    pub async fn uploads(&self, name: &str, kind: &str, bytes: &[u8]) -> Value {
        let made = self.announces(name, kind, bytes).await;
        assert_eq!(self.sends(&made["upload"], bytes).await, 200);
        let id = made["id"].as_str().expect("an id");
        self.post(&format!("/media/{id}/complete"), json!({})).await.good()
    }

    /// Makes a private group with these people.
    pub async fn groups(&self, name: &str, members: &[&Rest]) -> RoomId {
        let members: Vec<UserId> = members.iter().map(|member| member.user).collect();
        let body = json!({"kind": "group", "name": name, "members": members});
        RoomId(self.post("/rooms", body).await.good()["room"].as_i64().expect("a room row"))
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
