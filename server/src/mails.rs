//! Mail to people: what they ask for (the link again, a new password), what its links open, and the
//! sending itself. Every answer is the same whether an address is known or not, and takes as long.

use crate::accounts::{email, tenant};
use crate::app::App;
use crate::error::Result;
use crate::extract::{Json, Once};
use crate::front::{Caller, Origin};
use crate::jobs::outside::Done;
use crate::mailer::{Failure, Written};
use crate::routes::done;
use crate::store::jobs::Job;
use crate::store::mails::{self, CLAIMS, Kind, Mail, Slip};
use crate::store::{Needs, digests, links};
use crate::tokens::digest;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::rest::{MailTo, ResetPassword, VerifyEmail};

/// `POST /auth/verify-email`: the address of the link is its reader's.
pub async fn verify(
    State(app): State<App>,
    caller: Caller,
    Once(key): Once,
    Json(body): Json<VerifyEmail>,
) -> Result<Response> {
    app.rates.sign_in(caller.address, None)?;
    let hash = digest(&body.token);
    let verified = app.store.write(Needs::default(), move |tx| {
        links::verify(tx, key.as_ref(), &hash, Some(caller.address))
    });
    Ok(done(verified.await?, StatusCode::NO_CONTENT))
}

/// `POST /auth/resend-verification`: always the same answer.
pub async fn resend(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    Json(body): Json<MailTo>,
) -> Result<StatusCode> {
    let slips: Vec<Slip> = (0..CLAIMS).map(|_| app.tokens.slip()).collect();
    ask(&app, (caller, origin), body, move |tx, tenant, address| {
        mails::resend(tx, tenant, address, &slips)
    })
    .await
}

/// `POST /auth/forgot-password`: always the same answer.
pub async fn forgot(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    Json(body): Json<MailTo>,
) -> Result<StatusCode> {
    let slip = app.tokens.slip();
    ask(&app, (caller, origin), body, move |tx, tenant, address| {
        mails::forgot(tx, tenant, address, &slip)
    })
    .await
}

/// `POST /auth/reset-password`: a new password, and every session ends.
pub async fn reset(
    State(app): State<App>,
    caller: Caller,
    Once(key): Once,
    Json(body): Json<ResetPassword>,
) -> Result<Response> {
    app.rates.sign_in(caller.address, None)?;
    let hash = digest(&body.token);
    // A token that opens nothing costs no hash; one whose answer was lost is told by its key.
    if key.is_none() {
        app.store.read(move |read| links::opens(read, Kind::Reset, &hash)).await?;
    }
    let password = app.passwords.hash("password", &body.password).await?;
    let reset = app.store.write(Needs::default(), move |tx| {
        links::reset(tx, key.as_ref(), &hash, &password, Some(caller.address))
    });
    Ok(done(reset.await?, StatusCode::NO_CONTENT))
}

/// Writes down what somebody asks for an address. One that is asked for too often is passed over in
/// silence: a refusal would be another way to write to somebody, or to learn.
async fn ask(
    app: &App,
    (caller, origin): (Caller, Origin),
    body: MailTo,
    mut act: impl FnMut(
        &mut crate::store::Tx<'_>,
        hallway_protocol::ids::TenantId,
        &str,
    ) -> crate::store::Result<()>
    + Send
    + 'static,
) -> Result<StatusCode> {
    app.rates.sign_in(caller.address, None)?;
    let address = email(body.email.trim())?;
    let Ok(tenant) = tenant(app, body.tenant, &origin).await else {
        return Ok(StatusCode::ACCEPTED);
    };
    let id = tenant.id;
    if app.mailer.is_on() && app.rates.mail(id, &address).is_ok() {
        app.store.write(Needs::tenant(id), move |tx| act(tx, id, &address)).await?;
    }
    Ok(StatusCode::ACCEPTED)
}

/// Sends the mail of a job. One whose link has had its hour is not sent: it would open nothing.
pub async fn send(app: &App, job: &Job) -> anyhow::Result<Done> {
    let (id, now) = (job.target.clone(), app.clock.now());
    let found = app.store.read(move |read| mails::load(read, &id)).await?;
    let Some(mail) = found.filter(|mail| mail.expires_at > now) else { return Ok(Done::Finished) };
    let mut rooms = Vec::new();
    if mail.kind == Some(Kind::Digest) {
        let person = mail.person;
        rooms = app.store.read(move |read| digests::contents(read, person)).await?;
        if rooms.is_empty() {
            return Ok(Done::Finished);
        }
    }
    let written = written(app, &mail, &rooms)?;
    match app.mailer.send(&written, now).await {
        Ok(()) => Ok(Done::Finished),
        Err(Failure::Never(why)) => Ok(Done::GiveUp(why)),
        Err(Failure::Now(why)) => anyhow::bail!(why),
    }
}

fn written(app: &App, mail: &Mail, rooms: &[(String, i64)]) -> anyhow::Result<Written> {
    let page = if mail.kind == Some(Kind::Reset) { "reset" } else { "verify" };
    // Behind the `#` it reaches nobody but the reader's browser: no log, no proxy, no `Referer`.
    let link = format!("{}/mail/{page}#{}", app.base(), app.tokens.mail(&mail.id));
    let link = if mail.kind == Some(Kind::Digest) { app.base() } else { link };
    let link = Some(link.as_str()).filter(|_| mail.link || mail.kind == Some(Kind::Digest));
    let (subject, text, html) = app.mailer.texts().fill(mail, link, rooms)?;
    Ok(Written { id: mail.id.clone(), to: mail.address.clone(), subject, text, html })
}
