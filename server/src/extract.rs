//! What a handler takes apart a request with. Each refuses by itself and in our words: a body that
//! is not the shape names the field, a path that is no id is a thing that is not there.

use crate::app::App;
use crate::error::{Refusal, Result};
use crate::store::{self, Read};
use axum::RequestPartsExt;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use futures_util::StreamExt;
use hallway_protocol::ids::Key;
use hallway_protocol::limits::PAGE;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use std::convert::Infallible;

/// The largest body of a request, bytes; the same as the largest frame.
pub const BODY_MAX: usize = 1024 * 1024;
/// So much of a body that is too large is read before the connection is closed.
pub const DROPPED_MAX: usize = 16 * BODY_MAX;

/// A JSON body.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        parse(&json(request).await?).map(Json)
    }
}

/// A JSON body of any kind.
#[derive(Debug)]
pub struct Anything(pub serde_json::Value);

impl<S: Send + Sync> FromRequest<S> for Anything {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let body = json(request).await?;
        let value = serde_json::from_slice(&body);
        value.map(Anything).map_err(|error| Refusal::invalid("body", plain(&error)))
    }
}

/// A JSON body that may be absent.
#[derive(Debug)]
pub struct Given<T>(pub Option<T>);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Given<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let other = other_kind(&request);
        let body = read(request.into_body()).await?;
        // Some programs name a kind where there is nothing.
        match other {
            _ if body.is_empty() => Ok(Given(None)),
            Some(refusal) => Err(refusal),
            None => parse(&body).map(Some).map(Given),
        }
    }
}

async fn json(request: Request) -> Result<Vec<u8>> {
    match other_kind(&request) {
        Some(refusal) => Err(refusal),
        None => read(request.into_body()).await,
    }
}

/// The refusal of a body that says it is no JSON.
fn other_kind(request: &Request) -> Option<Refusal> {
    let kind = request.headers().get(header::CONTENT_TYPE)?;
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    let refusal = || {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Refusal::Unsupported(status, "the body must be application/json")
    };
    (!kind.trim().eq_ignore_ascii_case("application/json")).then(refusal)
}

/// A body within its bound. What is beyond it is read and dropped for a while: a caller who is still
/// writing would hear of a broken connection instead of the answer.
pub async fn read(body: Body) -> Result<Vec<u8>> {
    let mut parts = body.into_data_stream();
    let (mut body, mut size) = (Vec::new(), 0);
    while let Some(part) = parts.next().await {
        let part = part.map_err(|_| Refusal::invalid("body", "ended early"))?;
        size += part.len();
        match size {
            0..=BODY_MAX => body.extend_from_slice(&part),
            _ if size > DROPPED_MAX => break,
            _ => body = Vec::new(),
        }
    }
    if size > BODY_MAX { Err(Refusal::TooLarge(BODY_MAX)) } else { Ok(body) }
}

/// Reads a body, which is an object; what is wrong is said of the field it is wrong in.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    // serde would take a list for an object, its elements for the fields in their order.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(Refusal::invalid("body", "is no object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        match (path.as_str(), missing(&error.inner().to_string())) {
            (".", Some(field)) => Refusal::invalid(field, "is missing"),
            (".", None) => Refusal::invalid("body", plain(error.inner())),
            (_, Some(field)) => inside(&format!("{path}.{field}"), "is missing"),
            (_, None) => inside(&path, &plain(error.inner())),
        }
    })?;
    reader.end().map_err(|error| Refusal::invalid("body", plain(&error)))?;
    Ok(value)
}

/// A refusal is of a field of the body; where inside of it stands in the words.
fn inside(path: &str, what: &str) -> Refusal {
    match path.find(['[', '.']) {
        Some(end) => Refusal::invalid(&path[..end], format!("at {path} {what}")),
        None => Refusal::invalid(path, what),
    }
}

/// The field that an error of serde says is missing.
fn missing(error: &str) -> Option<&str> {
    error.strip_prefix("missing field `")?.split('`').next()
}

/// What is wrong with a frame, said of its field. serde reads a tagged frame whole before it looks
/// at the fields and cannot name the wrong one; it is the one without which the complaint changes.
pub fn wrong_frame<T: DeserializeOwned>(frame: &serde_json::Value, complaint: &str) -> Refusal {
    if let Some(field) = missing(complaint) {
        return Refusal::invalid(field, "is missing");
    }
    let fields = || frame.as_object().into_iter().flat_map(|fields| fields.keys());
    let without = |field: &str| {
        let mut less = frame.clone();
        less.as_object_mut().map(|fields| fields.remove(field));
        serde_json::from_value::<T>(less).err().map(|error| error.to_string())
    };
    let named = |field: &&String| *field != "type";
    // A field that may be absent first: without one that may not, it is the absence that is said.
    let optional = fields().filter(named).find(|field| without(field).is_none());
    let wrong = optional.or_else(|| {
        fields().filter(named).find(|field| without(field).as_deref() != Some(complaint))
    });
    match wrong {
        Some(field) => Refusal::invalid(field.clone(), format!("is not right: {complaint}")),
        None => Refusal::invalid("frame", format!("is not right: {complaint}")),
    }
}

/// The words of a JSON error without the position, which says nothing to a program's author who
/// already has the field.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    if error.is_syntax() { format!("is no JSON: {text}") } else { format!("is not right: {text}") }
}

/// A complaint about a part of an address, for people.
fn in_words(complaint: &str) -> String {
    match complaint {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            "is no whole number".into()
        }
        "number too large to fit in target type" | "number too small to fit in target type" => {
            "is out of range".into()
        }
        "provided string was not `true` or `false`" => "is neither true nor false".into(),
        other => format!("is not right: {other}"),
    }
}

/// The ids of a path. What is no id names nothing.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send + 'static> FromRequestParts<S> for Path<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        match parts.extract::<axum::extract::Path<T>>().await {
            Ok(axum::extract::Path(ids)) => Ok(Path(ids)),
            Err(_) => Err(Refusal::NotFound("thing")),
        }
    }
}

/// The query of an address.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let pairs = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        // No text of ours holds it, and PostgreSQL takes none that does.
        if let Some((field, _)) = pairs.clone().find(|(_, given)| given.contains('\0')) {
            return Err(Refusal::invalid(field, "holds U+0000"));
        }
        let reader = serde_urlencoded::Deserializer::new(pairs);
        match serde_path_to_error::deserialize(reader) {
            Ok(query) => Ok(Query(query)),
            Err(error) => {
                let complaint = error.inner().to_string();
                Err(match missing(&complaint) {
                    Some(field) => Refusal::invalid(field, "is missing"),
                    None => Refusal::invalid(error.path().to_string(), in_words(&complaint)),
                })
            }
        }
    }
}

/// The `Idempotency-Key` of a call, where there is one.
#[derive(Clone, Debug)]
pub struct Once(pub Option<Key>);

impl Once {
    /// The key in the body comes before the header's.
    pub fn or(self, body: Option<Key>) -> Option<Key> {
        body.or(self.0)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Once {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let Some(given) = parts.headers.get("idempotency-key") else { return Ok(Once(None)) };
        let key = given.to_str().unwrap_or_default().parse::<Key>();
        key.map(|key| Once(Some(key))).map_err(|error| Refusal::invalid("Idempotency-Key", error))
    }
}

/// The language a caller likes best (`Accept-Language`), two or three letters; English where they do
/// not say.
#[derive(Clone, Debug)]
pub struct Language(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> std::result::Result<Self, Infallible> {
        let liked = parts.headers.get(header::ACCEPT_LANGUAGE);
        let liked = liked.and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(Language(best(liked).unwrap_or_else(|| "en".into())))
    }
}

/// The language with the highest weight, the first of equals.
fn best(liked: &str) -> Option<String> {
    let languages = liked.split(',').take(32).filter_map(|part| {
        let (tag, rest) = part.split_once(';').unwrap_or((part, ""));
        let weight = rest.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.parse::<f32>().ok())?;
        let language = tag.trim().split('-').next()?.to_ascii_lowercase();
        (is_language(&language) && weight > 0.0).then_some((language, weight))
    });
    let best = languages.reduce(|a, b| if b.1 > a.1 { b } else { a });
    best.map(|(language, _)| language)
}

/// Whether this names a language: two or three small letters.
pub fn is_language(text: &str) -> bool {
    (2..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// `limit` and `next` of a list.
#[derive(Debug, Default, Deserialize)]
pub struct Part {
    #[serde(default, deserialize_with = "many")]
    limit: Option<usize>,
    /// Where the last part ended.
    pub next: Option<String>,
    /// What to look for.
    pub query: Option<String>,
    /// Which ones, separated by commas.
    pub ids: Option<String>,
    /// Of rooms: those put away instead.
    #[serde(default)]
    pub archived: bool,
}

impl Part {
    /// How many: 50 when nothing is asked, 100 at most.
    pub fn limit(&self) -> usize {
        page_size(self.limit)
    }

    /// This part of what `list` reads.
    pub async fn read<T: Send + 'static>(
        self,
        app: &App,
        list: impl FnOnce(&mut Read<'_>, Option<&str>, usize) -> store::Result<T> + Send + 'static,
    ) -> Result<axum::Json<T>> {
        let limit = self.limit();
        let found = app.store.read(move |read| list(read, self.next.as_deref(), limit));
        Ok(axum::Json(found.await?))
    }
}

/// `limit` of a query: any number, however large, for more than 100 means 100.
pub fn many<'de, D: Deserializer<'de>>(value: D) -> std::result::Result<Option<usize>, D::Error> {
    let text = String::deserialize(value)?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(serde::de::Error::custom("is no number"));
    }
    Ok(Some(text.parse().unwrap_or(usize::MAX)))
}

/// How many rows a page has: 50 when nothing is asked, 100 at most.
pub fn page_size(limit: Option<usize>) -> usize {
    limit.unwrap_or(PAGE.0).clamp(1, PAGE.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hallway_protocol::frames::ClientFrame;
    use hallway_protocol::rest::NewRoom;
    use serde_json::json;

    #[test]
    fn a_wrong_body_names_the_field() {
        let field = |body: &str| match parse::<NewRoom>(body.as_bytes()) {
            Err(Refusal::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(field(r#"{"kind":"group","name":7}"#), "name");
        assert_eq!(field(r#"{"kind":"group","name":"x","members":[1,"b"]}"#), "members");
        assert_eq!(field(r#"{"kind":"group"}"#), "name");
        assert_eq!(field("tea?"), "body");
        assert_eq!(field(r#"["group","x"]"#), "body");
        assert_eq!(field(r#"{"kind":"group","name":"x"} x"#), "body");
    }

    #[test]
    fn the_language_liked_best_is_found() {
        let cases = [
            ("de-DE,de;q=0.9,en;q=0.8", Some("de")),
            ("en;q=0.5, fr-CA", Some("fr")),
            ("*", None),
            ("", None),
            ("x-klingon, de;q=0", None),
            ("de;q=abc,en;q=0.1", Some("en")),
        ];
        for (liked, expected) in cases {
            assert_eq!(best(liked).as_deref(), expected, "{liked}");
        }
    }

    #[test]
    fn a_wrong_frame_names_the_field() {
        let field = |frame: serde_json::Value| {
            let error = serde_json::from_value::<ClientFrame>(frame.clone());
            let complaint = error.expect_err("a wrong frame").to_string();
            match wrong_frame::<ClientFrame>(&frame, &complaint) {
                Refusal::Invalid { field, .. } => field,
                other => panic!("{other:?}"),
            }
        };
        let key = "0193b1f0-0000-7000-8000-000000000000";
        assert_eq!(field(json!({"type": "send", "id": 1, "room": 7, "key": "x"})), "key");
        assert_eq!(field(json!({"type": "send", "id": 1, "room": "a", "key": key})), "room");
        assert_eq!(field(json!({"type": "send", "id": 1, "room": 7})), "key");
        assert_eq!(field(json!({"type": "mine", "id": 1, "room": 7, "notify": "x"})), "notify");
        assert_eq!(field(json!({"type": "mine", "id": 1, "room": "a"})), "room");
        assert_eq!(field(json!({"id": 1})), "type");
    }
}
