//! Messages: saying something, reading back, changing and deleting what was said, pins.

use crate::app::App;
use crate::auth::Session;
use crate::commands;
use crate::error::{Refusal, Result};
use crate::extract::{Given, Json, Once, Part, Path, Query, many, page_size};
use crate::reports::reason;
use crate::routes::done;
use crate::store::messages::{self, Changed};
use crate::store::pages::{self, Part as Place};
use crate::store::{self, Draft, Needs, deletions};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::ids::{RoomId, Seq};
use hallway_protocol::limits::{FILES_MAX, META_BYTES, SEQ_MAX, TEXT_BYTES_MAX};
use hallway_protocol::rest::{
    Deleting, Deletion, Edit, EditMessage, Items, NewMessage, Page, Rows,
};
use hallway_protocol::rows::Row;
use hallway_protocol::text::checked;
use serde::Deserialize;

/// `POST /rooms/{room}/messages`: says something in a room the caller belongs to.
pub async fn create(
    State(app): State<App>,
    Session(me): Session,
    Path(room): Path<RoomId>,
    Json(mut message): Json<NewMessage>,
) -> Result<Response> {
    if let Some(asked) = app.commands.heard(me.tenant, &mut message.text) {
        text(&message.text, app.text_max(me.tenant))?;
        let told = commands::ask(app, me, room, message.key, asked, message.clears_draft).await?;
        return Ok(commands::answered(told, &message.text));
    }
    let draft = draft(message, app.text_max(me.tenant))?;
    let posted = app.store.append(me, room, draft).await?;
    let answer = Row::Message(posted.message);
    Ok(done(store::Once { again: posted.again, answer }, StatusCode::CREATED))
}

/// Where a page lies; at most one of the first three.
#[derive(Debug, Default, Deserialize)]
pub struct Where {
    before: Option<Seq>,
    after: Option<Seq>,
    around: Option<Seq>,
    /// The page knows of everything up to here.
    fresh: Option<Seq>,
    #[serde(default, deserialize_with = "many")]
    limit: Option<usize>,
}

impl Where {
    fn place(&self) -> Result<Place> {
        let places = [("before", self.before), ("after", self.after), ("around", self.around)];
        for (field, seq) in places.into_iter().chain([("fresh", self.fresh)]) {
            if seq.is_some_and(|seq| !(0..=SEQ_MAX).contains(&seq)) {
                return Err(Refusal::invalid(field, "is no number of a message"));
            }
        }
        match (self.before, self.after, self.around) {
            (None, None, None) => Ok(Place::Latest),
            (Some(seq), None, None) => Ok(Place::Before(seq)),
            (None, Some(seq), None) => Ok(Place::After(seq)),
            (None, None, Some(seq)) => Ok(Place::Around(seq)),
            _ => Err(Refusal::invalid("query", "names more than one of before, after, around")),
        }
    }
}

/// `GET /rooms/{room}/messages`: a page of history, oldest first.
pub async fn list(
    State(app): State<App>,
    Session(me): Session,
    Path(room): Path<RoomId>,
    Query(at): Query<Where>,
) -> Result<axum::Json<Page>> {
    let (place, limit, fresh) = (at.place()?, page_size(at.limit), at.fresh);
    let page = app.store.read(move |read| {
        let page = pages::page(read, &me, room, place, limit)?;
        pages::reaches(read, room, page.as_of, fresh)?;
        Ok(page)
    });
    Ok(axum::Json(page.await?))
}

/// `GET /users/me/messages`: everything the caller wrote, newest first.
pub async fn mine(
    State(app): State<App>,
    Session(me): Session,
    Query(part): Query<Part>,
) -> Result<axum::Json<Rows>> {
    part.read(&app, move |read, next, limit| pages::written(read, &me, next, limit)).await
}

/// `GET /rooms/{room}/messages/{seq}`: also of a tombstone.
pub async fn show(
    State(app): State<App>,
    Session(me): Session,
    Path((room, seq)): Path<(RoomId, Seq)>,
) -> Result<axum::Json<Row>> {
    let found = app.store.read(move |read| messages::show(read, &me, room, seq)).await?;
    Ok(axum::Json(Row::Message(found)))
}

/// `PATCH /rooms/{room}/messages/{seq}`: changes what the caller said.
pub async fn update(
    State(app): State<App>,
    Session(me): Session,
    Path((room, seq)): Path<(RoomId, Seq)>,
    once: Once,
    Json(body): Json<EditMessage>,
) -> Result<Response> {
    let (key, text) = (once.or(body.key), any_text(&body.text, app.text_max(me.tenant))?);
    let changed = app.store.write(Needs::room(room), move |tx| {
        messages::edit(tx, &me, room, key.as_ref(), seq, &text)
    });
    Ok(changed_row(changed.await?))
}

/// `DELETE /rooms/{room}/messages/{seq}`: leaves a tombstone; with a reason where an admin gives one.
pub async fn destroy(
    State(app): State<App>,
    Session(me): Session,
    Path((room, seq)): Path<(RoomId, Seq)>,
    Once(key): Once,
    Given(body): Given<Deleting>,
) -> Result<Response> {
    let given = body.and_then(|body| body.reason).filter(|reason| !reason.trim().is_empty());
    let why = given.as_deref().map(reason).transpose()?;
    let changed = app.store.write(Needs::room(room), move |tx| {
        deletions::create(tx, &me, room, key.as_ref(), seq, why.as_deref())
    });
    Ok(nothing_said(changed.await?))
}

/// `GET /rooms/{room}/messages/{seq}/deletion`: by whom and why, for its author and for admins.
pub async fn deletion(
    State(app): State<App>,
    Session(me): Session,
    Path((room, seq)): Path<(RoomId, Seq)>,
) -> Result<axum::Json<Deletion>> {
    let found = app.store.read(move |read| deletions::show(read, &me, room, seq));
    Ok(axum::Json(found.await?))
}

/// `GET /rooms/{room}/messages/{seq}/thread`: the first message and its answers.
pub async fn thread(
    State(app): State<App>,
    Session(me): Session,
    Path((room, seq)): Path<(RoomId, Seq)>,
    Query(part): Query<Part>,
) -> Result<axum::Json<Rows>> {
    part.read(&app, move |read, next, limit| pages::thread(read, &me, room, seq, next, limit)).await
}

/// `GET /rooms/{room}/messages/{seq}/edits`: what it said before.
pub async fn edits(
    State(app): State<App>,
    Session(me): Session,
    Path(of): Path<(RoomId, Seq)>,
    Query(part): Query<Part>,
) -> Result<axum::Json<Items<Edit>>> {
    part.read(&app, move |read, next, limit| messages::edits(read, &me, of, next, limit)).await
}

/// `PUT /rooms/{room}/messages/{seq}/pin`.
pub async fn pin(
    app: State<App>,
    me: Session,
    at: Path<(RoomId, Seq)>,
    once: Once,
) -> Result<Response> {
    set_pin(app, me, at, once, true).await
}

/// `DELETE /rooms/{room}/messages/{seq}/pin`.
pub async fn unpin(
    app: State<App>,
    me: Session,
    at: Path<(RoomId, Seq)>,
    once: Once,
) -> Result<Response> {
    set_pin(app, me, at, once, false).await
}

async fn set_pin(
    State(app): State<App>,
    Session(me): Session,
    Path((room, seq)): Path<(RoomId, Seq)>,
    Once(key): Once,
    on: bool,
) -> Result<Response> {
    let changed = app
        .store
        .write(Needs::room(room), move |tx| messages::pin(tx, &me, room, key.as_ref(), seq, on));
    Ok(nothing_said(changed.await?))
}

/// `GET /rooms/{room}/pins`.
pub async fn pins(
    State(app): State<App>,
    Session(me): Session,
    Path(room): Path<RoomId>,
    Query(part): Query<Part>,
) -> Result<axum::Json<Rows>> {
    part.read(&app, move |read, next, limit| pages::pins(read, &me, room, next, limit)).await
}

/// The answer that is the row as it is now.
fn changed_row(changed: Changed) -> Response {
    done(store::Once { again: changed.again, answer: changed.row }, StatusCode::OK)
}

/// The answer of a change without one.
pub fn nothing_said(changed: Changed) -> Response {
    done(store::Once { again: changed.again, answer: () }, StatusCode::NO_CONTENT)
}

/// A message that keeps its limits; REST and socket make it the same way.
pub fn draft(message: NewMessage, most: usize) -> Result<Draft> {
    let NewMessage { key, text: said, reply, thread, files, meta, clears_draft } = message;
    few(&files)?;
    let size = serde_json::to_string(&meta).map_or(usize::MAX, |text| text.len());
    if size > META_BYTES {
        return Err(Refusal::invalid(
            "meta",
            format!("is too long ({size} of {META_BYTES} bytes)"),
        ));
    }
    let text = if files.is_empty() { text(&said, most)? } else { any_text(&said, most)? };
    Ok(Draft { key, text, reply, thread, files, meta, clears_draft })
}

/// Files of one message: not too many, each once.
pub fn few(files: &[String]) -> Result<()> {
    if files.len() > FILES_MAX {
        let what = format!("are too many ({} of {FILES_MAX})", files.len());
        return Err(Refusal::invalid("files", what));
    }
    match (1..files.len()).any(|n| files[..n].contains(&files[n])) {
        true => Err(Refusal::invalid("files", "name one twice")),
        false => Ok(()),
    }
}

/// A text somebody says: not empty, within its limit.
pub fn text(given: &str, most: usize) -> Result<String> {
    let text = any_text(given, most)?;
    if text.trim().is_empty() {
        return Err(Refusal::invalid("text", "is empty"));
    }
    Ok(text)
}

/// The same, which beside files may be empty.
pub fn any_text(given: &str, most: usize) -> Result<String> {
    let text = checked(given, most).map_err(|wrong| Refusal::invalid("text", wrong))?;
    if text.len() > TEXT_BYTES_MAX {
        let what = format!("is too long ({} of {TEXT_BYTES_MAX} bytes)", text.len());
        return Err(Refusal::invalid("text", what));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hallway_protocol::ids::Key;

    fn said(text: &str) -> NewMessage {
        NewMessage {
            key: Key::new(0),
            text: text.into(),
            reply: None,
            thread: None,
            files: Vec::new(),
            meta: serde_json::Map::new(),
            clears_draft: false,
        }
    }

    fn field(message: NewMessage) -> String {
        match draft(message, 4_000) {
            Err(Refusal::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_draft_keeps_its_limits() {
        assert_eq!(draft(said("é"), 1).map(|draft| draft.text).ok(), Some("é".into()));
        for wrong in ["", " \n", "a\0b", "e\u{301}", &"x".repeat(4_001)] {
            assert_eq!(field(said(wrong)), "text");
        }
        let mut large = said("tea?");
        large.meta.insert("x".into(), "y".repeat(5_000).into());
        assert_eq!(field(large), "meta");
        let with = |files: &[&str]| NewMessage {
            files: files.iter().map(|id| (*id).to_owned()).collect(),
            ..said("")
        };
        assert_eq!(field(with(&["7", "8", "7"])), "files");
        assert_eq!(field(with(&["x"; 11])), "files");
        assert_eq!(draft(with(&["7"]), 1).map(|draft| draft.files).ok(), Some(vec!["7".into()]));
    }
}
