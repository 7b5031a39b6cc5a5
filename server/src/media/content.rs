//! The bytes of files over HTTP: whole or in part, to who may read them and by signed addresses.
//! What a browser could run is given as an attachment, and everything in a sandbox.

use crate::app::App;
use crate::auth::{Session, admit};
use crate::error::{Refusal, Result};
use crate::extract::Path;
use crate::files::kinds;
use crate::files::signed::Use;
use crate::front::{Caller, Origin};
use crate::store::media::{self, Held, State as Far};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::fmt::Write;
use std::ops::Range;

/// What a document that is a file of somebody may do: be shown.
const SANDBOX: &str =
    "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; frame-ancestors 'none'";

/// `GET /media/{id}/content`: its bytes.
pub async fn show(
    State(app): State<App>,
    Session(me): Session,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let held = app.store.read(move |read| media::readable(read, &me, &id)).await?;
    whole(&app, &held, &headers).await
}

/// `GET /media/{id}/thumbnail`: a small picture of it.
pub async fn thumbnail(
    State(app): State<App>,
    Session(me): Session,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let held = app.store.read(move |read| media::readable(read, &me, &id)).await?;
    small(&app, &held, &headers).await
}

/// `GET /files/{token}`: the same without signing in, to whom the address was given and as long as
/// they may still read it.
pub async fn signed(
    State(app): State<App>,
    caller: Caller,
    Origin(origin): Origin,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let to = app.files.used(&token);
    let Some(Use::Get { i, h, n, u, o, .. }) = to else { return Err(no_good()) };
    let bearer = app.store.read(move |read| media::bearer(read, n, u, &o)).await?;
    let me = bearer.ok_or_else(no_good)?;
    admit(&app, &me, Some(caller.address), origin.as_ref()).await?;
    let held = app.store.read(move |read| media::readable(read, &me, &i)).await?;
    if h { small(&app, &held, &headers).await } else { whole(&app, &held, &headers).await }
}

/// `PUT /files/{token}`: takes the bytes that the address is for, and no others.
pub async fn put(
    State(app): State<App>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let to = app.files.used(&token);
    let Some(Use::Put { i, p, s, t, .. }) = to else { return Err(no_good()) };
    let said = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if said(header::CONTENT_TYPE) != Some(t.as_str()) {
        return Err(Refusal::invalid("content-type", format!("is not {t}")));
    }
    // In chunks nothing is said before: then it is counted.
    if said(header::CONTENT_LENGTH).is_some_and(|length| length != s.to_string()) {
        return Err(Refusal::invalid("content-length", format!("is not {s}")));
    }
    let late = || Refusal::Conflict("all of it is there");
    let id = i.clone();
    if !app.store.read(move |read| media::awaited(read, &id)).await? {
        return Err(late());
    }
    let etag = app.files.put(&p, s, body.into_data_stream()).await?;
    if !app.store.read(move |read| media::awaited(read, &i)).await? {
        // It came to its end, one way or the other, while this came.
        app.files.discard(p.rsplit_once('/').map_or(&p, |(place, _)| place)).await?;
        return Err(late());
    }
    let etag = HeaderValue::try_from(etag).map_err(|error| Refusal::Broken(error.into()))?;
    Ok((StatusCode::OK, [(header::ETAG, etag)]).into_response())
}

fn no_good() -> Refusal {
    Refusal::Forbidden("this address is good no more")
}

async fn whole(app: &App, held: &Held, headers: &HeaderMap) -> Result<Response> {
    let size = held.size.unsigned_abs();
    let shown = Shown { kind: &held.kind, name: &held.name, tag: hex::encode(held.sha256), size };
    shown.answer(app, &format!("{}/file", held.place), headers).await
}

async fn small(app: &App, held: &Held, headers: &HeaderMap) -> Result<Response> {
    let Some(kind) = &held.thumb else {
        let picture = held.state == Far::Ready && held.width.is_some();
        let not_yet = Refusal::NotYet("its thumbnail is being made");
        return Err(if picture { not_yet } else { Refusal::NotFound("thumbnail") });
    };
    let place = format!("{}/thumb", held.place);
    let size = app.files.size(&place).await?;
    let tag = format!("{}-small", hex::encode(held.sha256));
    Shown { kind, name: &held.name, tag, size }.answer(app, &place, headers).await
}

/// An object and how it is to be shown.
struct Shown<'h> {
    kind: &'h str,
    name: &'h str,
    tag: String,
    size: u64,
}

impl Shown<'_> {
    async fn answer(self, app: &App, place: &str, asked: &HeaderMap) -> Result<Response> {
        let tag = format!("\"{}\"", self.tag);
        let text = |name| asked.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        if text(header::IF_NONE_MATCH).is_some_and(|held| has(held, &tag)) {
            // What they have is what there is, and no byte of it is looked at.
            let mut answer = StatusCode::NOT_MODIFIED.into_response();
            if let Ok(value) = HeaderValue::from_str(&tag) {
                answer.headers_mut().insert(header::ETAG, value);
            }
            return Ok(answer);
        }
        // A part of something else than they have is of no use to anybody.
        let same = text(header::IF_RANGE).is_none_or(|held| held == tag);
        let range = match text(header::RANGE).filter(|_| same).map(|asked| part(asked, self.size)) {
            None | Some(Part::All) => None,
            Some(Part::Of(range)) => Some(range),
            Some(Part::Nowhere) => return Ok(self.nowhere()),
        };
        let all = 0..self.size;
        let some = range.clone().unwrap_or(all);
        let bytes = app.files.bytes(place, some.clone()).await?;
        let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
        let mut answer = (status, Body::from_stream(bytes)).into_response();
        let headers = answer.headers_mut();
        let mut set = |name, value: &str| {
            // Everything here is ASCII without controls.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        set(header::CONTENT_TYPE, self.kind);
        set(header::CONTENT_LENGTH, &(some.end - some.start).to_string());
        set(header::ACCEPT_RANGES, "bytes");
        set(header::ETAG, &tag);
        set(header::CONTENT_SECURITY_POLICY, SANDBOX);
        set(header::CONTENT_DISPOSITION, &disposition(self.kind, self.name));
        if range.is_some() {
            let last = some.end - 1;
            set(header::CONTENT_RANGE, &format!("bytes {}-{last}/{}", some.start, self.size));
        }
        Ok(answer)
    }

    fn nowhere(&self) -> Response {
        let mut answer = Refusal::NoSuchPart.into_response();
        if let Ok(value) = HeaderValue::from_str(&format!("bytes */{}", self.size)) {
            answer.headers_mut().insert(header::CONTENT_RANGE, value);
        }
        answer
    }
}

/// Whether `tag` is among what `If-None-Match` says they hold (RFC 9110 §13.1.2): any, or a list.
fn has(held: &str, tag: &str) -> bool {
    let one = |held: &str| held == "*" || held.strip_prefix("W/").unwrap_or(held) == tag;
    held.split(',').any(|held| one(held.trim()))
}

/// What part of so many bytes somebody wants.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    All,
    Of(Range<u64>),
    Nowhere,
}

/// One range (RFC 9110 §14.2). What is none, or several, is answered with all of it.
fn part(asked: &str, size: u64) -> Part {
    let Some((from, to)) = asked.strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return Part::All;
    };
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        text if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(Some(text.parse().unwrap_or(u64::MAX)))
        }
        _ => None,
    };
    let (Some(from), Some(to)) = (number(from), number(to)) else { return Part::All };
    match (from, to) {
        (None, None) => Part::All,
        (None, Some(0)) => Part::Nowhere,
        (None, Some(last)) => Part::Of(size.saturating_sub(last)..size),
        (Some(from), Some(to)) if to < from => Part::All,
        (Some(from), _) if from >= size => Part::Nowhere,
        (Some(from), to) => Part::Of(from..to.unwrap_or(u64::MAX).min(size - 1) + 1),
    }
}

/// In place or as an attachment, with the name as RFC 6266 has it.
fn disposition(kind: &str, name: &str) -> String {
    let how = if kinds::is_inline(kind) { "inline" } else { "attachment" };
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    format!("{how}; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_one_part_or_all_of_it() {
        let table = [
            ("bytes=0-3", Part::Of(0..4)),
            ("bytes=4-", Part::Of(4..10)),
            ("bytes=-3", Part::Of(7..10)),
            ("bytes=-30", Part::Of(0..10)),
            ("bytes=8-99999999999999999999999", Part::Of(8..10)),
            ("bytes=10-", Part::Nowhere),
            ("bytes=99999999999999999999999-", Part::Nowhere),
            ("bytes=-0", Part::Nowhere),
            ("bytes=3-2", Part::All),
            ("bytes=0-1,3-4", Part::All),
            ("bytes=-", Part::All),
            ("bytes=a-b", Part::All),
            ("bytes=+1-2", Part::All),
            ("lines=0-1", Part::All),
        ];
        for (asked, wanted) in table {
            assert_eq!(part(asked, 10), wanted, "{asked}");
        }
    }

    #[test]
    fn a_name_stays_inside_its_header() {
        let said = disposition("text/html", "a\"; b=\r\n☕.html");
        assert_eq!(said, "attachment; filename*=UTF-8''a%22%3B%20b%3D%0D%0A%E2%98%95.html");
        assert!(disposition("image/png", "a").starts_with("inline"));
    }
}
