//! People: finding them, and one's own profile.

use crate::accounts::{checked, email};
use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::extract::{Json, Once, Part, Path, Query};
use crate::front::Caller;
use crate::routes::{done, row};
use crate::store::users::{self, Find};
use crate::store::{self, Needs, mails};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::ids::UserId;
use hallway_protocol::limits::{DISPLAY_NAME_MAX, PAGE, STATUS_MAX};
use hallway_protocol::rest::{ProfilePatch, Rows};
use hallway_protocol::rows::Row;
use hallway_protocol::text;

/// `GET /users`: by part of a name, or those named.
pub async fn list(
    State(app): State<App>,
    Session(me): Session,
    Query(part): Query<Part>,
) -> Result<axum::Json<Rows>> {
    let find = find(part)?;
    Ok(axum::Json(app.store.read(move |read| users::list(read, &me, &find)).await?))
}

/// `GET /users/me`: with what only I see.
pub async fn me(State(app): State<App>, Session(me): Session) -> Result<axum::Json<Row>> {
    let found = app.store.read(move |read| users::own_row(read, me.user)).await?;
    Ok(axum::Json(Row::User(found)))
}

/// `GET /users/{user}`.
pub async fn show(
    State(app): State<App>,
    Session(me): Session,
    Path(user): Path<UserId>,
) -> Result<axum::Json<Row>> {
    let found = app.store.read(move |read| users::show(read, &me, user)).await?;
    Ok(axum::Json(Row::User(found)))
}

/// `PATCH /users/me`: name, display name, status, language; the address, which may have to be
/// verified first.
pub async fn update(
    State(app): State<App>,
    caller: Caller,
    Session(me): Session,
    Once(key): Once,
    Json(body): Json<ProfilePatch>,
) -> Result<Response> {
    let patch = profile(&app, &body)?;
    let slip = app.mailer.is_on().then(|| app.tokens.slip());
    if let (Some(Some(address)), Some(_)) = (&patch.email, &slip) {
        app.rates.mail(me.tenant, address)?;
    }
    let changed = app.store.write(Needs::person(me.user), move |tx| {
        let done = users::update(tx, &me, key.as_ref(), &patch)?;
        let Some(address) = patch.email.as_ref().filter(|_| !done.again) else {
            return Ok(done);
        };
        match address {
            Some(address) => {
                mails::change_address(tx, &me, address, slip.as_ref(), Some(caller.address))?
            }
            None => mails::drop_address(tx, &me)?,
        }
        Ok(store::Once { again: false, answer: users::own_row(tx, me.user)? })
    });
    Ok(done(row(changed.await?, Row::User), StatusCode::OK))
}

fn find(part: Part) -> Result<Find> {
    let ids = part.ids.as_deref().map(|ids| {
        let ids = ids.split(',').filter(|_| !ids.is_empty()).take(PAGE.1 + 1);
        ids.map(str::parse::<UserId>).collect::<std::result::Result<Vec<_>, _>>()
    });
    let ids = ids.transpose().map_err(|_| Refusal::invalid("ids", "are not ids"))?;
    if ids.as_ref().is_some_and(|ids| ids.len() > PAGE.1) {
        return Err(Refusal::invalid("ids", format!("are more than {}", PAGE.1)));
    }
    let limit = part.limit();
    Ok(Find { query: part.query.unwrap_or_default(), ids, after: part.next, limit })
}

fn profile(app: &App, body: &ProfilePatch) -> Result<ProfilePatch> {
    let name = body.name.as_deref().map(|name| checked("name", text::name(name)));
    let display_name = body
        .display_name
        .as_deref()
        .map(|name| checked("display_name", text::label(name, DISPLAY_NAME_MAX)));
    let status = body.status.as_deref().map(|status| match status.trim() {
        "" => Ok(String::new()),
        status => checked("status", text::label(status, STATUS_MAX)),
    });
    let language = body.language.as_deref().map(|language| spoken(app, language));
    let email = body.email.as_ref().map(|given| match given {
        Some(given) => email(given.trim()).map(Some),
        None if app.mailer.is_on() => Err(Refusal::invalid(
            "email",
            "can be changed, not taken away: a forgotten password is set anew by it",
        )),
        None => Ok(None),
    });
    Ok(ProfilePatch {
        email: email.transpose()?,
        language: language.transpose()?,
        name: name.transpose()?,
        display_name: display_name.transpose()?,
        status: status.transpose()?,
    })
}

/// A language that mails can be in.
fn spoken(app: &App, language: &str) -> Result<String> {
    let known = app.mailer.texts().languages();
    if known.contains(language) {
        return Ok(language.to_owned());
    }
    let known: Vec<_> = known.into_iter().collect();
    Err(Refusal::invalid(
        "language",
        format!("is not spoken here; there are: {}", known.join(", ")),
    ))
}
