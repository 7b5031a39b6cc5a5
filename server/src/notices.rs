//! Notices: the list of what somebody is told beside their rooms, how they want to be told, and what
//! a tenant's backend tells its people.

use crate::accounts::checked;
use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::extract::{Json, Once, Part, Query};
use crate::keys::Backend;
use crate::quiet::{Hours, is_zone};
use crate::routes::done;
use crate::store::alerts::{self, Alerts};
use crate::store::{self, Needs, keywords, notices, ops};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::limits::{
    DIGEST_MAX, KEYWORD_MAX, KEYWORDS_MAX, META_BYTES, NAME_MAX, NOTICE_USERS,
};
use hallway_protocol::rest::{Items, NewNotice, Notice, NoticeSettings, NoticesRead};
use hallway_protocol::text::label;

/// Topics that are the server's.
const OURS: [&str; 6] = ["mention", "direct", "reply", "keyword", "reminder", "scheduled"];
/// Time zones have names no longer than this, bytes.
const ZONE_MAX: usize = 64;

/// `GET /notifications`: latest first.
pub async fn list(
    State(app): State<App>,
    Session(me): Session,
    Query(part): Query<Part>,
) -> Result<axum::Json<Items<Notice>>> {
    part.read(&app, move |read, next, limit| notices::list(read, &me, next, limit)).await
}

/// `PUT /notifications/read`: this one and all before it.
pub async fn read(
    State(app): State<App>,
    Session(me): Session,
    Once(key): Once,
    Json(read): Json<NoticesRead>,
) -> Result<Response> {
    let marked = app.store.write(Needs::person(me.user), move |tx| {
        let again = ops::first(tx, &me, key.as_ref(), "notices-read", "")?.is_some();
        if !again {
            notices::mark(tx, &me, &read)?;
            ops::keep(tx, &me, key.as_ref(), "notices-read", "", None)?;
        }
        Ok(store::Once { again, answer: () })
    });
    Ok(done(marked.await?, StatusCode::NO_CONTENT))
}

/// `POST /notifications`: a tenant's backend tells its people something.
pub async fn create(
    State(app): State<App>,
    Backend(admin): Backend,
    Once(key): Once,
    Json(new): Json<NewNotice>,
) -> Result<Response> {
    own(&new)?;
    let told = app
        .store
        .write(Needs::default(), move |tx| notices::create(tx, &admin, key.as_ref(), &new));
    Ok(done(told.await?, StatusCode::NO_CONTENT))
}

/// Whether a notice is one that a backend may give.
fn own(new: &NewNotice) -> Result<()> {
    let word = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    let topic = checked("topic", label(&new.topic, NAME_MAX))?;
    if topic != new.topic || !topic.chars().all(word) {
        return Err(Refusal::invalid("topic", "may have letters, digits, “.”, “_” and “-” only"));
    }
    if OURS.contains(&topic.as_str()) {
        return Err(Refusal::invalid("topic", "is one of the server's own"));
    }
    if !(new.payload.is_null() || new.payload.is_object()) {
        return Err(Refusal::invalid("payload", "is no object"));
    }
    let size = new.payload.to_string().len();
    if size > META_BYTES {
        let what = format!("is too long ({size} of {META_BYTES} bytes)");
        return Err(Refusal::invalid("payload", what));
    }
    match new.users.len() {
        0 => Err(Refusal::invalid("users", "is empty")),
        many if many > NOTICE_USERS => {
            Err(Refusal::invalid("users", format!("is too long ({many} of {NOTICE_USERS})")))
        }
        _ => Ok(()),
    }
}

/// `GET /users/me/notifications`.
pub async fn settings(
    State(app): State<App>,
    Session(me): Session,
) -> Result<axum::Json<NoticeSettings>> {
    Ok(axum::Json(app.store.read(move |read| alerts::show(read, &me)).await?))
}

/// `PUT /users/me/notifications`: all of it anew.
pub async fn set_settings(
    State(app): State<App>,
    Session(me): Session,
    Once(key): Once,
    Json(new): Json<NoticeSettings>,
) -> Result<Response> {
    let (keywords, alerts) = (words(&new.keywords)?, wanted(&new)?);
    let set = app.store.write(Needs::person(me.user), move |tx| {
        alerts::set(tx, &me, key.as_ref(), &keywords, &alerts)
    });
    Ok(done(set.await?, StatusCode::NO_CONTENT))
}

/// Keywords that say something, each once.
fn words(given: &[String]) -> Result<Vec<String>> {
    if given.len() > KEYWORDS_MAX {
        let what = format!("is too long ({} of {KEYWORDS_MAX})", given.len());
        return Err(Refusal::invalid("keywords", what));
    }
    let mut known = Vec::new();
    for keyword in given {
        let keyword = checked("keywords", label(keyword, KEYWORD_MAX))?;
        if keywords::terms(&keyword).is_empty() {
            return Err(Refusal::invalid("keywords", format!("has {keyword:?}, which is no word")));
        }
        if !known.contains(&keyword) {
            known.push(keyword);
        }
    }
    Ok(known)
}

fn wanted(new: &NoticeSettings) -> Result<Alerts> {
    if !(0..=DIGEST_MAX).contains(&new.digest_minutes) {
        return Err(Refusal::invalid("digest_minutes", format!("is not 0 to {DIGEST_MAX}")));
    }
    if new.zone.len() > ZONE_MAX || !is_zone(&new.zone) {
        return Err(Refusal::invalid("zone", "is no time zone"));
    }
    let hours = new.quiet.as_ref().map(Hours::checked).transpose()?;
    Ok(Alerts { hours, zone: new.zone.clone(), digest_minutes: new.digest_minutes })
}
