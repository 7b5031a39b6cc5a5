//! Files: uploading them, reading them, and the picture of a person. What may be read by whom is
//! decided in the store; the bytes are `files.rs`'s.

pub mod content;

use crate::accounts::checked;
use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::extract::{Given, Json, Once, Path};
use crate::files::{Piece, kinds};
use crate::jobs::outside::Done;
use crate::routes::{done, row};
use crate::store::jobs::Job;
use crate::store::media::{self, Held, State as Far};
use crate::store::{self, Me, Needs, StoreError, Tx, attachments, strays};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::limits::{FILE_NAME_MAX, MEDIA_TYPE_MAX, PART_BYTES, PART_LEAST, PARTS_MAX};
use hallway_protocol::rest::{
    CompleteMedia, Media, MediaPart, MediaParts, MediaState, MediaUpload, NewAvatar, NewMedia,
    NewParts, PartUpload, Signed,
};
use hallway_protocol::rows::Row;
use hallway_protocol::text;

/// Places that one step looks at.
const LOOKED_AT: usize = 100;

/// `POST /media`: begins an upload.
pub async fn create(
    State(app): State<App>,
    Session(me): Session,
    Once(key): Once,
    Json(body): Json<NewMedia>,
) -> Result<Response> {
    let new = upload(&app, &me, &body).await?;
    let made = app
        .store
        .write(Needs::person(me.user), move |tx| media::create(tx, &me, key.as_ref(), &new));
    let store::Once { again, answer: held } = made.await?;
    let upload = address(&app, &held)?;
    Ok(done(
        store::Once { again, answer: MediaUpload { id: held.id, upload } },
        StatusCode::CREATED,
    ))
}

/// `GET /media/{id}`: what it is, and for a few minutes where.
pub async fn show(
    State(app): State<App>,
    Session(me): Session,
    Path(id): Path<String>,
) -> Result<axum::Json<Media>> {
    let asker = me.clone();
    let held = app.store.read(move |read| media::show(read, &asker, &id)).await?;
    Ok(axum::Json(told(&app, &me, held).await?))
}

/// `POST /media/{id}/parts`: its bytes come in parts, as many as the caller likes; each answer says
/// which bytes it is for. Asked again, where the parts go from now on.
pub async fn parts(
    State(app): State<App>,
    Session(me): Session,
    Path(id): Path<String>,
    Once(key): Once,
    Json(body): Json<NewParts>,
) -> Result<Response> {
    let (asker, named) = (me.clone(), id.clone());
    let held = app.store.read(move |read| media::own(read, &asker, &named)).await?;
    let parts = body.parts;
    if held.state == Far::New {
        parted(&held, parts)?;
    }
    let made = app
        .store
        .write(Needs::person(me.user), move |tx| media::split(tx, &me, key.as_ref(), &id, parts));
    let store::Once { again, answer } = made.await?;
    Ok(done(store::Once { again, answer: addresses(&app, &answer)? }, StatusCode::CREATED))
}

/// `POST /media/{id}/complete`: all of it is there.
pub async fn complete(
    State(app): State<App>,
    Session(me): Session,
    Path(id): Path<String>,
    Once(key): Once,
    Given(body): Given<CompleteMedia>,
) -> Result<Response> {
    let (asker, named, once) = (me.clone(), id.clone(), key.clone());
    let opened = app.store.read(move |read| media::opened(read, &asker, once.as_ref(), &named));
    let (held, _) = opened.await?;
    let found = match held.state {
        Far::New => Some(taken(&app, &held, &body.unwrap_or_default().parts).await?),
        Far::Ready | Far::Gone => None,
    };
    let quota = app.settings.of(&app.store, me.tenant).await?.config.quota_bytes;
    let asker = me.clone();
    let made = app.store.write(Needs::person(me.user), move |tx| {
        media::complete(tx, &asker, key.as_ref(), &id, found.as_ref(), quota)
    });
    let made = made.await;
    // Where there is no room for it what came stays as long as other uploads: there may be later.
    if matches!(made, Err(StoreError::Gone)) {
        app.files.discard(&held.place).await?;
    }
    let store::Once { again, answer } = made?;
    // Asked again it is told the same: addresses, which are always others, are asked for.
    let answer = plain(answer, Vec::new())?;
    Ok(done(store::Once { again, answer }, StatusCode::OK))
}

/// `PUT /users/me/avatar`: a picture of mine, for everyone of the tenant.
pub async fn portray(
    State(app): State<App>,
    Session(me): Session,
    Once(key): Once,
    Json(body): Json<NewAvatar>,
) -> Result<Response> {
    let done_now = app.store.write(Needs::person(me.user), move |tx| {
        attachments::portray(tx, &me, key.as_ref(), Some(&body.media))
    });
    Ok(done(row(done_now.await?, Row::User), StatusCode::OK))
}

/// `DELETE /users/me/avatar`.
pub async fn unportray(
    State(app): State<App>,
    Session(me): Session,
    Once(key): Once,
) -> Result<Response> {
    let gone = app
        .store
        .write(Needs::person(me.user), move |tx| attachments::portray(tx, &me, key.as_ref(), None));
    let again = gone.await?.again;
    Ok(done(store::Once { again, answer: () }, StatusCode::NO_CONTENT))
}

/// Makes the thumbnail that a job asks for.
pub async fn thumbnail(app: &App, job: &Job) -> anyhow::Result<Done> {
    let id = job.target.clone();
    let asked = id.clone();
    let Some(held) = app.store.read(move |read| media::ready(read, &asked)).await? else {
        return Ok(Done::Finished);
    };
    let kind = match app.files.thumbnail(&held).await {
        Ok(kind) => kind,
        // It was made anew before; what cannot be read now never will be.
        Err(Refusal::Invalid { what, .. }) => return Ok(Done::GiveUp(what)),
        Err(Refusal::Broken(error)) => return Err(error),
        Err(other) => return Err(other.into()),
    };
    if !app.store.write(Needs::default(), move |tx| media::thumbed(tx, &id, kind)).await? {
        // It was thrown away while we worked at it, and with it what we had not made yet.
        thrown(app, &held.place).await?;
    }
    Ok(Done::Finished)
}

/// Throws away what a job names.
pub async fn discard(app: &App, job: &Job) -> anyhow::Result<Done> {
    thrown(app, &job.target).await?;
    Ok(Done::Finished)
}

/// Looks at the next page of what lies among the files.
pub async fn reconcile(app: &App) -> anyhow::Result<Done> {
    let after = app.store.read(strays::cursor).await?;
    let places = app.files.places(&after, LOOKED_AT).await.map_err(whole)?;
    let to = (places.len() == LOOKED_AT).then(|| places[LOOKED_AT - 1].clone());
    let more = to.is_some();
    let look = move |tx: &mut Tx<'_>| strays::look(tx, &after, to.as_deref(), &places);
    let found = app.store.write(Needs::default(), look).await?;
    if found > 0 {
        tracing::warn!(found, "there are objects that no file knows; they go in a week");
    }
    Ok(if more { Done::Later(app.clock.now()) } else { Done::Finished })
}

async fn thrown(app: &App, place: &str) -> anyhow::Result<()> {
    app.files.discard(place).await.map_err(whole)
}

/// What went wrong, as a job says it.
fn whole(refusal: Refusal) -> anyhow::Error {
    match refusal {
        Refusal::Broken(error) => error,
        other => other.into(),
    }
}

/// An upload that keeps the limits.
async fn upload(app: &App, me: &Me, body: &NewMedia) -> Result<media::NewMedia> {
    let tenant = app.settings.of(&app.store, me.tenant).await?;
    let name = checked("name", text::label(&body.name, FILE_NAME_MAX))?;
    let kind = body.kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind.len() > MEDIA_TYPE_MAX || !kinds::is_kind(&kind) {
        return Err(Refusal::invalid("type", "is no media type"));
    }
    let hash = hex::decode(&body.sha256).ok().and_then(|hash| hash.try_into().ok());
    let sha256 = hash.ok_or_else(|| Refusal::invalid("sha256", "is not 64 hexadecimal digits"))?;
    if body.size < 1 {
        return Err(Refusal::invalid("size", "is nothing"));
    }
    let most = app.limits_of(&tenant).file;
    if body.size > most {
        return Err(Refusal::TooLarge(usize::try_from(most).unwrap_or(usize::MAX)));
    }
    let (id, place) = (random(), format!("{}/{}", me.tenant, random()));
    let quota = tenant.config.quota_bytes;
    Ok(media::NewMedia { id, place, name, kind, size: body.size, sha256, quota })
}

/// A name that says nothing and that nobody guesses.
pub fn random() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// Where all bytes of a file go, as long as they are awaited in one piece.
fn address(app: &App, held: &Held) -> Result<Option<Signed>> {
    let whole = held.state == Far::New && held.parts == 0;
    whole.then(|| app.files.upload(&app.base(), held, 0, held.size)).transpose()
}

/// Refuses a number of parts in which a file cannot come.
fn parted(held: &Held, parts: i64) -> Result<()> {
    let most = (held.size / PART_LEAST).max(parts_of(held.size, PART_BYTES)).min(PARTS_MAX);
    let wrong = match held.parts {
        0 if !(1..=most).contains(&parts) => {
            format!("must be 1 to {most}: none but the last is below {PART_LEAST} bytes")
        }
        begun if begun > 0 && begun != parts => format!("are {begun} already"),
        _ => return Ok(()),
    };
    Err(Refusal::invalid("parts", wrong))
}

/// In how many parts of so many bytes a file comes.
fn parts_of(size: i64, bytes: i64) -> i64 {
    size.div_euclid(bytes) + i64::from(size % bytes > 0)
}

/// Bytes of each part but the last: 8 MiB where that gives so many, else all alike.
fn part_bytes(size: i64, parts: i64) -> i64 {
    if parts_of(size, PART_BYTES) == parts { PART_BYTES } else { parts_of(size, parts) }
}

/// Where each part of a file goes.
fn addresses(app: &App, held: &Held) -> Result<MediaParts> {
    let part = |n: i64| {
        let bytes = part_bytes(held.size, held.parts);
        let offset = (n - 1) * bytes;
        let size = bytes.min(held.size - offset);
        let Signed { method, url, headers, expires_at } =
            app.files.upload(&app.base(), held, n, size)?;
        Ok(PartUpload { n, method, url, headers, expires_at, offset, size })
    };
    Ok(MediaParts { parts: (1..=held.parts).map(part).collect::<Result<_>>()? })
}

/// A file as its reader is told of it: what has come, and where it is.
async fn told(app: &App, me: &Me, held: Held) -> Result<Media> {
    let ready = held.state == Far::Ready;
    let awaited = held.state == Far::New && held.parts > 0;
    let pieces = if awaited { app.files.pieces(&held).await? } else { Vec::new() };
    let download = ready.then(|| app.files.download(&app.base(), me, &held, false)).transpose()?;
    let thumb = ready && held.thumb.is_some();
    let thumbnail = thumb.then(|| app.files.download(&app.base(), me, &held, true)).transpose()?;
    Ok(Media { download, thumbnail, ..plain(held, pieces)? })
}

/// The same without addresses.
fn plain(held: Held, pieces: Vec<Piece>) -> Result<Media> {
    let state = match held.state {
        Far::New => MediaState::New,
        Far::Ready => MediaState::Ready,
        Far::Gone => return Err(Refusal::Gone),
    };
    let parts = pieces.into_iter().filter(|piece| piece.n > 0);
    Ok(Media {
        state,
        parts: parts.map(|piece| MediaPart { n: piece.n, etag: piece.etag }).collect(),
        download: None,
        thumbnail: None,
        id: held.id,
        name: held.name,
        kind: held.kind,
        size: held.size,
        width: held.width,
        height: held.height,
        created_at: held.created_at,
    })
}

/// Looks at the bytes that came; what is said of their parts must be so.
async fn taken(app: &App, held: &Held, said: &[MediaPart]) -> Result<media::Found> {
    let wrong = |what: String| Refusal::invalid("parts", what);
    if held.parts > 0 {
        let there = app.files.pieces(held).await?;
        for n in 1..=held.parts {
            let Some(piece) = there.iter().find(|piece| piece.n == n) else {
                return Err(Refusal::invalid("parts", format!("are not all there: {n}")));
            };
            let mut named = said.iter().filter(|part| part.n == n);
            if named.next().is_none_or(|part| part.etag != piece.etag) || named.next().is_some() {
                return Err(wrong(format!("do not name what came as {n}")));
            }
        }
    }
    if said.len() as i64 != held.parts {
        return Err(wrong(format!("are not {}", held.parts)));
    }
    app.files.take(held).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_in_as_many_parts_as_one_likes() {
        const MIB: i64 = 1024 * 1024;
        for (size, parts, bytes) in [
            (20 * MIB, 3, PART_BYTES),
            (20 * MIB, 2, 10 * MIB),
            (20 * MIB, 4, 5 * MIB),
            (20 * MIB, 1, 20 * MIB),
            (20 * MIB + 1, 2, 10 * MIB + 1),
            (5, 1, PART_BYTES),
        ] {
            assert_eq!(part_bytes(size, parts), bytes, "{size} in {parts}");
            assert_eq!(parts_of(size, bytes), parts, "{size} in {parts}");
        }
    }
}
