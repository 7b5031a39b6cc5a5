//! Somebody signed in, and what people do.

use super::{Answer, Call, Socket, int, key};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Somebody signed in on one device.
#[derive(Clone, Debug)]
pub struct Person {
    pub address: SocketAddr,
    pub user: i64,
    pub session: String,
    pub token: String,
    pub refresh: String,
}

impl Person {
    /// The one whom the answer to a registration or a login speaks of.
    pub fn of(address: SocketAddr, said: &Value) -> Person {
        let text = |of: &str| said["session"][of].as_str().expect("a session").to_owned();
        Person {
            address,
            user: int(&said["user"]["user"]),
            session: text("id"),
            token: text("access_token"),
            refresh: text("refresh_token"),
        }
    }

    /// A call in their name, to be finished.
    pub fn begins(&self, method: &str, path: &str) -> Call {
        Call::new(method, path).token(&self.token)
    }

    pub async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        self.begins(method, path).body(body).to(self.address).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, body).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call("PUT", path, body).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call("PATCH", path, body).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, Value::Null).await
    }

    /// A private group of the caller and `others`; its id.
    pub async fn group(&self, name: &str, others: &[&Person]) -> i64 {
        let members: Vec<i64> = others.iter().map(|person| person.user).collect();
        let body = json!({"kind": "group", "name": name, "members": members});
        int(&self.post("/rooms", body).await.ok(201)["room"])
    }

    /// Says something over REST; the message row.
    pub async fn says(&self, room: i64, text: &str) -> Value {
        let body = json!({"key": key(), "text": text});
        self.post(&format!("/rooms/{room}/messages"), body).await.ok(201)
    }

    /// Brings somebody into a room.
    pub async fn adds(&self, room: i64, other: &Person) {
        let member = format!("/rooms/{room}/members/{}", other.user);
        self.put(&member, json!({})).await.ok(200);
    }

    /// Shows somebody out of a room.
    pub async fn removes(&self, room: i64, other: &Person) {
        self.delete(&format!("/rooms/{room}/members/{}", other.user)).await.ok(204);
    }

    /// A socket that has said `hello` with nothing held, and its `welcome`.
    pub async fn socket(&self) -> (Socket, Value) {
        self.socket_from(0, json!([])).await
    }

    /// A socket that has said `hello` with these cursors, and its `welcome`.
    pub async fn socket_from(&self, own: i64, rooms: Value) -> (Socket, Value) {
        let mut socket = Socket::dial(self.address).await;
        socket
            .say(json!({"type": "hello", "v": 1, "token": self.token, "device": "test",
                "own": own, "rooms": rooms}))
            .await;
        let welcome = socket.hears("welcome").await;
        (socket, welcome)
    }
}
