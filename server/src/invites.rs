//! Invites: codes that let people make an account. The code is derived from the call's key where it
//! has one, so a call repeated after a lost answer shows the same code, though only its hash is kept.

use crate::accounts::invite_digest;
use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::extract::{Json, Once, Part, Path, Query};
use crate::routes::done;
use crate::store::invites::{self, NewCode};
use crate::store::{self, Needs, ops};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::ids::{Key, UserId};
use hallway_protocol::rest::{Invite, Items, NewInvite};

/// Letters and digits that are not taken for one another.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// 16 of 32 letters are 80 bits.
const LENGTH: usize = 16;
/// An invite lasts ten years at most; one without an end says so.
const LASTS_MS: i64 = 10 * 365 * 24 * 3_600_000;
/// Uses of one invite, at most.
const USES: i64 = 1_000;

/// `POST /invites`: makes a code.
pub async fn create(
    State(app): State<App>,
    Session(me): Session,
    Once(key): Once,
    Json(body): Json<NewInvite>,
) -> Result<Response> {
    let code = code(&app, me.user, key.as_ref())?;
    let new = checked(&app, &body, &code)?;
    let made = app
        .store
        .write(Needs::person(me.user), move |tx| invites::create(tx, &me, key.as_ref(), &new));
    let store::Once { again, answer } = made.await?;
    let link = Some(app.invite_link(&code));
    let answer = Invite { code: Some(code), link, ..answer };
    Ok(done(store::Once { again, answer }, StatusCode::CREATED))
}

/// `GET /invites`: what still opens something.
pub async fn list(
    State(app): State<App>,
    Session(me): Session,
    Query(part): Query<Part>,
) -> Result<axum::Json<Items<Invite>>> {
    part.read(&app, move |read, next, limit| invites::list(read, &me, next, limit)).await
}

/// `DELETE /invites/{id}`: it opens nothing any more.
pub async fn destroy(
    State(app): State<App>,
    Session(me): Session,
    Once(key): Once,
    Path(id): Path<String>,
) -> Result<Response> {
    let gone = app.store.write(Needs::person(me.user), move |tx| {
        let again = ops::first(tx, &me, key.as_ref(), "invite-end", &id)?.is_some();
        if !again {
            invites::destroy(tx, &me, &id)?;
            ops::keep(tx, &me, key.as_ref(), "invite-end", &id, None)?;
        }
        Ok(store::Once { again, answer: () })
    });
    Ok(done(gone.await?, StatusCode::NO_CONTENT))
}

fn checked(app: &App, body: &NewInvite, code: &str) -> Result<NewCode> {
    let uses = body.uses.unwrap_or(1);
    if !(1..=USES).contains(&uses) {
        return Err(Refusal::invalid("uses", format!("must be 1 to {USES}")));
    }
    if body.expires_in_ms.is_some_and(|ms| !(1..=LASTS_MS).contains(&ms)) {
        return Err(Refusal::invalid("expires_in_ms", format!("must be 1 to {LASTS_MS}")));
    }
    let expires_at = body.expires_in_ms.map(|ms| app.clock.now() + ms);
    let id = hex::encode(crate::folder::random::<8>().map_err(Refusal::Broken)?);
    Ok(NewCode { id, hash: invite_digest(code), uses, expires_at, room: body.room })
}

fn code(app: &App, user: UserId, key: Option<&Key>) -> Result<String> {
    let bytes = match key {
        Some(key) => app.tokens.derived("invite", &user.to_string(), key),
        None => crate::folder::random::<32>().map_err(Refusal::Broken)?,
    };
    Ok(letters(&bytes))
}

/// A code that people type, of random bytes: 80 bits, in fours.
pub fn letters(bytes: &[u8; 32]) -> String {
    let letters = bytes.iter().take(LENGTH).map(|byte| LETTERS[usize::from(byte % 32)]);
    let code: Vec<_> = letters.map(char::from).collect();
    code.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_letter_stands_twice_or_looks_like_another() {
        let mut letters = LETTERS.to_vec();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters.len(), 32);
        assert!(!letters.iter().any(|letter| b"IO01".contains(letter)));
    }
}
