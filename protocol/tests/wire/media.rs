//! One value of every body about files: full, then short.

use crate::samples::{AT, body};
use hallway_protocol::rest::*;
use std::collections::BTreeMap;

pub fn bodies() -> Vec<String> {
    let headers = [("content-length", "1234"), ("content-type", "image/png")];
    let headers: BTreeMap<_, _> =
        headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let put = Signed {
        method: "PUT".into(),
        url: "https://hallway.example/files/e30.x".into(),
        headers: headers.clone(),
        expires_at: AT + 300_000,
    };
    let get = Signed { method: "GET".into(), headers: BTreeMap::new(), ..put.clone() };
    let part = MediaPart { n: 1, etag: "\"e1\"".into() };
    let media = Media {
        id: "f1".into(),
        state: MediaState::Ready,
        name: "a.png".into(),
        kind: "image/png".into(),
        size: 1234,
        width: Some(64),
        height: Some(64),
        created_at: AT,
        parts: vec![part.clone()],
        download: Some(get.clone()),
        thumbnail: Some(get),
    };
    let short = Media {
        state: MediaState::New,
        width: None,
        height: None,
        parts: Vec::new(),
        download: None,
        thumbnail: None,
        ..media.clone()
    };
    let upload = PartUpload {
        n: 1,
        method: "PUT".into(),
        url: put.url.clone(),
        headers,
        expires_at: put.expires_at,
        offset: 0,
        size: 1234,
    };
    let new = NewMedia {
        name: "a.png".into(),
        kind: "image/png".into(),
        size: 1234,
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
    };
    vec![
        body("new media", new),
        body("media upload", MediaUpload { id: "f1".into(), upload: Some(put) }),
        body("media upload", MediaUpload { id: "f1".into(), upload: None }),
        body("media", media),
        body("media", short),
        body("complete media", CompleteMedia { parts: vec![part] }),
        body("complete media", CompleteMedia::default()),
        body("new parts", NewParts { parts: 2 }),
        body("media parts", MediaParts { parts: vec![upload] }),
        body("new avatar", NewAvatar { media: "f1".into() }),
    ]
}
