//! Accounts: making one, signing in, its password, closing it. Names and passwords are compared so
//! that nobody learns which names exist, neither from the answer nor from how long it takes.

use crate::app::App;
use crate::auth::{Session, lacks_factor};
use crate::error::{Refusal, Result};
use crate::extract::{Given, Json, Language, Once};
use crate::front::{self, Caller, Origin};
use crate::store::accounts::{self, Newcomer};
use crate::store::audit::{self, Note};
use crate::store::sessions::NewSession;
use crate::store::{Me, Needs, StoreError, Tx, mails, ops, tenants, users};
use crate::tokens::{Access, digest};
use crate::totp;
use axum::extract::State;
use axum::http::StatusCode;
use hallway_protocol::ids::{Key, TenantId, UserId};
use hallway_protocol::limits::{DEVICE_MAX, DISPLAY_NAME_MAX};
use hallway_protocol::rest::{
    self, ChangePassword, CloseAccount, Login, Register, Registered, SignedIn,
};
use hallway_protocol::rows::{TenantRole, User};
use hallway_protocol::text::{self, Wrong};

/// Mail addresses are no longer than this (RFC 5321).
const EMAIL_MAX: usize = 254;
/// Longer than this it is the token of the first owner, which is taken as it stands.
const CODE_MAX: usize = 24;

/// `POST /auth/register`: makes an account with an invite, the owner token, or where it is open.
pub async fn register(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    Once(key): Once,
    language: Language,
    Json(body): Json<Register>,
) -> Result<(StatusCode, axum::Json<Registered>)> {
    app.rates.sign_in(caller.address, None)?;
    let tenant = tenant(&app, body.tenant.clone(), &origin).await?;
    let first = tenant.name == tenants::DEFAULT;
    let registration = tenant.registration.unwrap_or(app.config.registration);
    let (session, tenant) = (new_session(&app, body.device.as_deref(), &caller)?, tenant.id);
    let password = app.passwords.hash("password", &body.password).await?;
    let mut new = newcomer(&body, password, session.clone())?;
    new.language = language.0;
    if let Some(email) = new.email.as_deref().filter(|_| app.mailer.is_on()) {
        app.rates.mail(tenant, email)?;
    }
    new.slip = app.mailer.is_on().then(|| app.tokens.slip());
    let once = key.clone();
    let made = app.store.write(Needs::tenant(tenant), move |tx| {
        let user = accounts::register(tx, tenant, registration, &new)?;
        ops::keep(tx, &whose(tenant, &user, &new.session), once.as_ref(), "register", "", None)?;
        Ok(user)
    });
    match (made.await, key) {
        (Ok(user), _) => {
            let owner = user.role == Some(TenantRole::Owner);
            if first && owner {
                app.owner_came()?;
            }
            let session = Some(session.id).filter(|_| owner || !app.mailer.is_on());
            Ok((StatusCode::CREATED, registered(&app, tenant, user, session)?))
        }
        // Done before, and the answer was lost? Then the name is taken, by them, or the invite spent.
        (
            Err(first @ (StoreError::Taken("name") | StoreError::Invalid("invite", _))),
            Some(key),
        ) => again(&app, tenant, &caller, &body, key).await?.ok_or_else(|| first.into()),
        (Err(error), _) => Err(error.into()),
    }
}

/// The same registration once more: its answer was lost on the way. The password proves whose it is.
async fn again(
    app: &App,
    tenant: TenantId,
    caller: &Caller,
    body: &Register,
    key: Key,
) -> Result<Option<(StatusCode, axum::Json<Registered>)>> {
    let (user, seen, _) = match proven(app, Some(tenant), &body.name, &body.password).await {
        Ok(proven) => proven,
        Err(Refusal::WrongCredentials) => return Ok(None),
        Err(refusal) => return Err(refusal),
    };
    let session = new_session(app, body.device.as_deref(), caller)?;
    let (new, mail) = (session.clone(), app.mailer.is_on());
    let factor = totp::given(app, None, caller);
    let signed = app.store.write(Needs::person(user), move |tx| {
        let (role, session) = (TenantRole::Member, String::new());
        let me = Me { tenant, user, role, guest: false, session };
        match ops::first(tx, &me, Some(&key), "register", "")? {
            Some(_) if mail && mails::waits(tx, user)? => {
                Ok(Some((users::own_row(tx, user)?, None)))
            }
            Some(_) => {
                // Registering again gives no second factor: who has one by now signs in with it.
                let signed = accounts::sign_in(tx, user, &seen, None, &new, &factor)?;
                Ok(signed.ok().map(|user| (user, Some(new.id.clone()))))
            }
            None => Ok(None),
        }
    });
    let Some((user, session)) = signed.await? else { return Ok(None) };
    Ok(Some((StatusCode::OK, registered(app, tenant, user, session)?)))
}

/// `POST /auth/login`: signs a device in.
pub async fn login(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    Json(body): Json<Login>,
) -> Result<axum::Json<SignedIn>> {
    app.rates.sign_in(caller.address, Some(&body.login))?;
    let tenant = tenant(&app, body.tenant.clone(), &origin).await.ok().map(|tenant| tenant.id);
    match signed_in(&app, tenant, &caller, &body).await {
        Err(Refusal::WrongCredentials) => {
            // Whatever was wrong, the record and the wait for it are the same.
            let failed = move |tx: &mut Tx<'_>| {
                accounts::sign_in_failed(tx, tenant, &body.login, caller.address)
            };
            app.store.write(Needs::default(), failed).await?;
            Err(Refusal::WrongCredentials)
        }
        said => said.map(axum::Json),
    }
}

async fn signed_in(
    app: &App,
    tenant: Option<TenantId>,
    caller: &Caller,
    body: &Login,
) -> Result<SignedIn> {
    let session = new_session(app, body.device.as_deref(), caller)?;
    let (user, seen, old) = proven(app, tenant, &body.login, &body.password).await?;
    let rehashed = match old {
        true => app.passwords.hash("password", &body.password).await.ok(),
        false => None,
    };
    let (new, mail) = (session.clone(), app.mailer.is_on());
    let factor = totp::given(app, body.code.as_deref(), caller);
    let signed = app.store.write(Needs::person(user), move |tx| {
        if mail && mails::waits(tx, user)? {
            return Err(StoreError::Unverified);
        }
        accounts::sign_in(tx, user, &seen, rehashed.as_deref(), &new, &factor)
    });
    let user = signed.await?.map_err(|wrong| totp::refused("code", wrong))?;
    let tenant = tenant.ok_or(Refusal::WrongCredentials)?;
    enters(app, tenant, user, session.id).await
}

/// What somebody is told who has signed in.
pub async fn enters(app: &App, tenant: TenantId, user: User, session: String) -> Result<SignedIn> {
    let me = Me {
        tenant,
        user: user.user,
        role: user.role.unwrap_or_default(),
        guest: user.guest,
        session: session.clone(),
    };
    let second_factor_needed = lacks_factor(app, &me).await?;
    let session = answer(app, tenant, user.user, session, 0)?;
    Ok(SignedIn { user, session, second_factor_needed })
}

/// `PUT /users/me/password`: ends every other session.
pub async fn change_password(
    State(app): State<App>,
    caller: Caller,
    Session(me): Session,
    Once(key): Once,
    Json(body): Json<ChangePassword>,
) -> Result<StatusCode> {
    if done_before(&app, &me, key.clone(), "password").await? {
        return Ok(StatusCode::OK);
    }
    let seen = own_password(&app, &me, body.old).await?;
    let hash = app.passwords.hash("new", &body.new).await?;
    let mail = app.mailer.is_on();
    let changed = app.store.write(Needs::person(me.user), move |tx| {
        accounts::change_password(tx, &me, &seen, &hash)?;
        audit::note(tx, &Note::by(&me, "password_changed").from(caller.address))?;
        if mail {
            mails::tell(tx, &me, mails::Kind::Password)?;
        }
        ops::keep(tx, &me, key.as_ref(), "password", "", None)
    });
    changed.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /users/me`: closes the account; what was said stays. Clients ask for the password first,
/// and where it is given it must be right.
pub async fn destroy(
    State(app): State<App>,
    caller: Caller,
    Session(me): Session,
    Given(body): Given<CloseAccount>,
) -> Result<StatusCode> {
    if let Some(body) = body {
        own_password(&app, &me, body.password).await?;
    }
    let closed = app.store.write(Needs::person(me.user), move |tx| {
        audit::note(tx, &Note::by(&me, "account_closed").from(caller.address))?;
        accounts::close(tx, &me)
    });
    closed.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether this call was done with this key.
pub async fn done_before(app: &App, me: &Me, key: Option<Key>, kind: &'static str) -> Result<bool> {
    let me = me.clone();
    let first = app.store.read(move |read| ops::first(read, &me, key.as_ref(), kind, ""));
    Ok(first.await?.is_some())
}

/// Proves that the caller knows their password; the hash it matched.
pub async fn own_password(app: &App, me: &Me, password: String) -> Result<String> {
    let asked = me.clone();
    let own = app.store.read(move |read| accounts::own_credentials(read, &asked)).await?;
    app.rates.sign_in_to(me.user)?;
    let found = app.passwords.check(&password, own.password.clone()).await?;
    own.password.filter(|_| found.right).ok_or(Refusal::WrongCredentials)
}

/// The account of a name and its password; the hash that matched and whether it is of old settings.
/// An unknown name and an unknown tenant take as long as a wrong password.
async fn proven(
    app: &App,
    tenant: Option<TenantId>,
    login: &str,
    password: &str,
) -> Result<(UserId, String, bool)> {
    let login = login.trim().to_owned();
    let found = app.store.read(move |read| match tenant {
        Some(tenant) => accounts::credentials(read, tenant, &login),
        None => Ok(None),
    });
    let found = found.await?;
    let hash = found.as_ref().and_then(|found| found.password.clone());
    let same = app.passwords.check(password, hash.clone()).await?;
    match (found, hash) {
        (Some(found), Some(hash)) if same.right => Ok((found.user, hash, same.old)),
        _ => Err(Refusal::WrongCredentials),
    }
}

/// The tenant of this name, where it lets the page that asks, and anybody at all, come in.
pub async fn tenant(app: &App, name: Option<String>, origin: &Origin) -> Result<tenants::Tenant> {
    let tenant = app.store.read(move |read| tenants::by_name(read, name.as_deref())).await?;
    let from = origin.0.as_ref();
    match from.is_none_or(|origin| front::may_call_in(app, origin, &tenant)) {
        true if !tenant.suspended => Ok(tenant),
        _ => Err(Refusal::NotFound("tenant")),
    }
}

/// What somebody who registers says of themselves, checked.
pub fn newcomer(body: &Register, password: String, session: NewSession) -> Result<Newcomer> {
    let name = checked("name", text::name(&body.name))?;
    let display_name = match &body.display_name {
        Some(given) => checked("display_name", text::label(given, DISPLAY_NAME_MAX))?,
        None => name.clone(),
    };
    let email = body.email.as_deref().map(str::trim).map(email).transpose()?;
    let invite = body.invite.as_deref().map(invite_digest);
    let (language, slip) = (String::new(), None);
    Ok(Newcomer { name, display_name, email, language, slip, password, invite, session })
}

/// An address that mail can go to.
pub fn email(given: &str) -> Result<String> {
    let given = checked("email", text::label(given, EMAIL_MAX))?;
    match given.split_once('@') {
        Some((name, host)) if !name.is_empty() && host.contains('.') && !given.contains(' ') => {
            Ok(given)
        }
        _ => Err(Refusal::invalid("email", "is not a mail address")),
    }
}

/// What is stored of an invite. Codes are typed by people: case, hyphens and blanks do not count.
pub fn invite_digest(code: &str) -> [u8; 32] {
    let code = code.trim();
    if code.len() > CODE_MAX {
        return digest(code);
    }
    let plain = code.chars().filter(|c| !matches!(c, '-' | ' '));
    digest(&plain.collect::<String>().to_uppercase())
}

/// A text that kept its rules, or the refusal that names the field.
pub fn checked(field: &str, text: std::result::Result<String, Wrong>) -> Result<String> {
    text.map_err(|wrong| Refusal::invalid(field, wrong))
}

/// A session to be made, from where the caller is.
pub fn new_session(app: &App, device: Option<&str>, caller: &Caller) -> Result<NewSession> {
    let device = match device.map(str::trim) {
        None | Some("") => String::new(),
        Some(label) => checked("device", text::label(label, DEVICE_MAX))?,
    };
    let id = hex::encode(crate::folder::random::<16>().map_err(Refusal::Broken)?);
    let hash = app.tokens.hash(&id, 0);
    Ok(NewSession { family: id.clone(), id, device, hash, address: Some(caller.address) })
}

/// A session as its device keeps it.
pub fn answer(
    app: &App,
    tenant: TenantId,
    user: UserId,
    id: String,
    generation: i64,
) -> Result<rest::Session> {
    let refresh_token = app.tokens.refresh(&id, generation);
    let access = Access { tenant, user, session: id, generation };
    Ok(rest::Session {
        access_token: app.tokens.access(&access)?,
        id: access.session,
        expires_in_ms: crate::tokens::ACCESS_MS,
        now: app.clock.now(),
        refresh_token,
    })
}

fn registered(
    app: &App,
    tenant: TenantId,
    user: User,
    session: Option<String>,
) -> Result<axum::Json<Registered>> {
    let session = session.map(|session| answer(app, tenant, user.user, session, 0)).transpose()?;
    let verify_email = session.is_none();
    Ok(axum::Json(Registered { user, session, verify_email }))
}

/// The newcomer as one who asks.
fn whose(tenant: TenantId, user: &User, session: &NewSession) -> Me {
    let role = user.role.unwrap_or_default();
    Me { tenant, user: user.user, role, guest: false, session: session.id.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_the_same_however_it_is_typed_and_a_token_is_not() {
        assert_eq!(invite_digest("abcd-efgh 2345-jkmn"), invite_digest("ABCDEFGH2345JKMN"));
        let token = "x".repeat(43);
        assert_ne!(invite_digest(&token), invite_digest(&token.to_uppercase()));
    }

    #[test]
    fn a_mail_address_looks_like_one() {
        assert!(email("ada@example.org").is_ok());
        for wrong in ["ada", "@example.org", "ada@", "a b@example.org", "ada@localhost"] {
            assert!(email(wrong).is_err(), "{wrong}");
        }
    }
}
