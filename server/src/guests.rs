//! Guests: coming in without an account, who may, and staying.

use crate::accounts::{self, checked, new_session, tenant};
use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::extract::{Json, Language, Once, Path};
use crate::front::{Caller, Origin};
use crate::routes::done;
use crate::store::guests::{self, By, NewGuest};
use crate::store::{Me, Needs, tenants};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::ids::RoomId;
use hallway_protocol::limits::{DISPLAY_NAME_MAX, ROOM_NAME_MAX};
use hallway_protocol::rest::{BecomeAccount, ComeAsGuest, GuestIn, Guests, Register, Registered};
use hallway_protocol::rest::{RoomGuests, SetGuests};
use hallway_protocol::text;

/// `POST /auth/guest`: into the room of a code, into a public one that is open, or into a new one.
pub async fn create(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    language: Language,
    Json(body): Json<ComeAsGuest>,
) -> Result<axum::Json<GuestIn>> {
    app.rates.sign_in(caller.address, None)?;
    let display_name = checked("display_name", text::label(&body.display_name, DISPLAY_NAME_MAX))?;
    let by = by(&body)?;
    let tenant = tenant(&app, body.tenant.clone(), &origin).await?;
    let (allowed, id) = (allowed(&app, &tenant), tenant.id);
    if allowed == Guests::Off {
        return Err(Refusal::Forbidden("guests may not come in here"));
    }
    let session = new_session(&app, body.device.as_deref(), &caller)?;
    let new = NewGuest { display_name, language: language.0, session: session.clone() };
    let come =
        app.store.write(Needs::tenant(id), move |tx| guests::come(tx, id, allowed, &by, &new));
    let guests::Come { user, room, code } = come.await?;
    let session = accounts::answer(&app, id, user.user, session.id, 0)?;
    Ok(axum::Json(GuestIn { user, session, room, code }))
}

/// `GET /rooms/{room}/guests`: who comes into it without an account.
pub async fn show(
    State(app): State<App>,
    Session(me): Session,
    Path(room): Path<RoomId>,
) -> Result<axum::Json<RoomGuests>> {
    let allowed = allowed_to(&app, &me).await?;
    let found = app.store.read(move |read| guests::show(read, &me, allowed, room));
    Ok(axum::Json(found.await?))
}

/// `PUT /rooms/{room}/guests`: the owner's word.
pub async fn update(
    State(app): State<App>,
    Session(me): Session,
    Path(room): Path<RoomId>,
    Once(key): Once,
    Json(body): Json<SetGuests>,
) -> Result<Response> {
    let allowed = allowed_to(&app, &me).await?;
    let set = app.store.write(Needs::room(room), move |tx| {
        guests::set(tx, &me, key.as_ref(), allowed, room, body.guests)
    });
    Ok(done(set.await?, StatusCode::OK))
}

/// `POST /users/me/account`: a guest stays.
pub async fn stay(
    State(app): State<App>,
    Session(me): Session,
    caller: Caller,
    Once(key): Once,
    Json(body): Json<BecomeAccount>,
) -> Result<Response> {
    app.rates.sign_in(caller.address, None)?;
    let id = me.tenant;
    let tenant = app.store.read(move |read| tenants::by_id(read, id)).await?;
    let registration = tenant.registration.unwrap_or(app.config.registration);
    let hash = app.passwords.hash("password", &body.password).await?;
    let mut new = accounts::newcomer(&asked(body), hash, new_session(&app, None, &caller)?)?;
    if let Some(email) = new.email.as_deref().filter(|_| app.mailer.is_on()) {
        app.rates.mail(id, email)?;
    }
    new.slip = app.mailer.is_on().then(|| app.tokens.slip());
    let stayed = app.store.write(Needs::person(me.user), move |tx| {
        guests::stay(tx, &me, key.as_ref(), registration, &new)
    });
    let stayed = crate::routes::row(stayed.await?, |user| {
        let verify_email = user.guest;
        Registered { user, session: None, verify_email }
    });
    Ok(done(stayed, StatusCode::CREATED))
}

/// What the tenant says of guests, else the server.
pub fn allowed(app: &App, tenant: &tenants::Tenant) -> Guests {
    tenant.config.guests.unwrap_or(app.config.guests)
}

async fn allowed_to(app: &App, me: &Me) -> Result<Guests> {
    let id = me.tenant;
    let tenant = app.store.read(move |read| tenants::by_id(read, id)).await?;
    Ok(allowed(app, &tenant))
}

fn by(body: &ComeAsGuest) -> Result<By> {
    match (&body.code, body.room, &body.name) {
        (Some(code), None, None) => Ok(By::Code(code.clone())),
        (None, Some(room), None) => Ok(By::Room(room)),
        (None, None, Some(name)) => Ok(By::New(checked("name", text::label(name, ROOM_NAME_MAX))?)),
        _ => Err(Refusal::invalid("code", "or room or name is needed, one of them")),
    }
}

/// The same as somebody's who registers.
fn asked(body: BecomeAccount) -> Register {
    let BecomeAccount { name, password, email, invite } = body;
    let (tenant, display_name, device) = (None, None, None);
    Register { tenant, name, display_name, email, password, invite, device }
}
