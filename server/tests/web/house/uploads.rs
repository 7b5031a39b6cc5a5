//! Uploading, as a client does it: an address is asked for, the bytes go there, and it is said that
//! they are there.

use super::{Answer, Call, PATIENCE, Person};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// The last part of an address is all that differs from ours: the path of it.
pub fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("/", |at| &rest[at..])
}

/// What is said of these bytes.
pub fn named(name: &str, kind: &str, bytes: &[u8]) -> Value {
    let sha256 = hex::encode(Sha256::digest(bytes));
    json!({"name": name, "type": kind, "size": bytes.len(), "sha256": sha256})
}

impl Person {
    /// Puts bytes where an answer says they go.
    pub async fn sends(&self, upload: &Value, bytes: &[u8]) -> Answer {
        let url = upload["url"].as_str().expect("an address");
        let path = path_of(url);
        let host = url.trim_end_matches(path).rsplit('/').next().expect("a host").to_owned();
        let address = host.parse().expect("an address and a port");
        let kind = upload["headers"]["content-type"].as_str().expect("a type");
        Call::at("PUT", path).host(&host).raw(kind, bytes).to(address).await
    }

    /// Uploads all but the last step: the id.
    pub async fn brings(&self, name: &str, kind: &str, bytes: &[u8]) -> String {
        let made = self.post("/media", named(name, kind, bytes)).await.ok(201);
        self.sends(&made["upload"], bytes).await.ok(200);
        made["id"].as_str().expect("an id").to_owned()
    }

    /// Uploads a file: what it is.
    pub async fn uploads(&self, name: &str, kind: &str, bytes: &[u8]) -> Value {
        let id = self.brings(name, kind, bytes).await;
        self.post(&format!("/media/{id}/complete"), json!({})).await.ok(200)
    }

    /// The answer of a path once it is no longer "not yet".
    pub async fn awaits(&self, path: &str) -> Answer {
        let there = async {
            loop {
                let said = self.get(path).await;
                if said.status != 409 || said.body["retry"] != "later" {
                    return said;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, there).await.expect("it is there in time")
    }
}
