//! Bodies of REST about people: the server they come to, accounts, sessions, invites, profiles
//! (protocol.md §3).

use crate::frames::given;
use crate::ids::{Millis, RoomId, exact};
use crate::rest::Guests;
use crate::rows::{Room, Row, User};
use serde::{Deserialize, Serialize, Serializer};

/// Who may make an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Anyone.
    Open,
    /// Whoever holds an invite.
    Invite,
    /// Nobody.
    Closed,
}

/// `GET /server`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServerInfo {
    /// Name of the tenant or server, for people.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// Who may make an account.
    pub registration: Registration,
    /// Mail is configured.
    pub mail: bool,
    /// Guests may come by room code.
    pub guests: bool,
    /// The data set.
    pub epoch: String,
}

/// `POST /auth/register`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Register {
    /// Tenant name; `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// User name.
    pub name: String,
    /// As others see it; the user name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// 8–128 characters.
    pub password: String,
    /// An invite code, or the owner token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<String>,
    /// Label of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// Answer to `register`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Registered {
    /// The new person.
    #[serde(serialize_with = "user_row")]
    pub user: User,
    /// Signed in at once, unless mail must be verified first.
    #[serde(default)]
    pub session: Option<Session>,
    /// A mail was sent that must be answered first.
    pub verify_email: bool,
}

/// `POST /auth/verify-email`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VerifyEmail {
    /// From the link of the mail.
    pub token: String,
}

/// `POST /auth/resend-verification` and `POST /auth/forgot-password`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MailTo {
    /// Tenant name; `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Mail address.
    pub email: String,
}

/// `POST /auth/reset-password`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ResetPassword {
    /// From the link of the mail.
    pub token: String,
    /// The next one.
    pub password: String,
}

/// `POST /auth/login`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Login {
    /// Tenant name; `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Name or mail address.
    pub login: String,
    /// The password.
    pub password: String,
    /// Label of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// A second factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// `GET /auth/oidc`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OidcInfo {
    /// The provider, as people know it.
    pub name: String,
    /// Where a browser begins.
    pub start: String,
}

/// `POST /auth/oidc/session`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OidcSession {
    /// From the link `hallway://host/signin/CODE`.
    pub code: String,
    /// What the `challenge` at the start was the SHA-256 of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verifier: Option<String>,
    /// The second factor of an account that has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<String>,
}

/// `POST /users/me/oidc`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OidcLink {
    /// From the link `hallway://host/signin/CODE`.
    pub code: String,
    /// What the `challenge` at the start was the SHA-256 of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verifier: Option<String>,
    /// The password.
    pub password: String,
}

/// `DELETE /users/me/oidc`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OidcUnlink {
    /// The password.
    pub password: String,
}

/// Answer to `POST /users/me/totp`: what an authenticator app makes its codes of, shown this once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TotpSecret {
    /// Base32, to be typed.
    pub secret: String,
    /// `otpauth://totp/…`, to be scanned.
    pub uri: String,
}

/// `PUT /users/me/totp`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TotpCode {
    /// Six digits off the app.
    pub code: String,
}

/// Answer to `PUT /users/me/totp`, shown this once: each signs in one time instead of a code.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Recovery {
    /// Ten of them.
    pub recovery: Vec<String>,
}

/// `DELETE /users/me/totp`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TotpOff {
    /// The password; an account without one gives a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// A code, where there is no password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Answer to `login`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SignedIn {
    /// Who.
    #[serde(serialize_with = "user_row")]
    pub user: User,
    /// With what.
    pub session: Session,
    /// The tenant asks for a second factor and they have none: until they set one up (`POST` and
    /// `PUT /users/me/totp`) all else is `forbidden`.
    #[serde(default)]
    pub second_factor_needed: bool,
}

/// A session as its device holds it. Clients measure `expires_in_ms` with a monotonic clock.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Session id.
    pub id: String,
    /// Bearer token.
    pub access_token: String,
    /// How long it lasts from now.
    #[serde(deserialize_with = "exact")]
    pub expires_in_ms: i64,
    /// Server time.
    #[serde(deserialize_with = "exact")]
    pub now: Millis,
    /// For the next access token.
    pub refresh_token: String,
}

/// `POST /auth/refresh`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refresh {
    /// The last one given.
    pub refresh_token: String,
}

/// Answer to `refresh`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refreshed {
    /// The session, with new tokens.
    pub session: Session,
}

/// `POST /auth/guest`: with a room's code, or into a public room that is open to guests.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ComeAsGuest {
    /// Tenant name; `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The room's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// In its place: the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
    /// In its place, where guests are open: the name of a room to make, which is gone when it is left
    /// alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// As others see it.
    pub display_name: String,
    /// Label of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// Answer to `guest`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GuestIn {
    /// Who.
    #[serde(serialize_with = "user_row")]
    pub user: User,
    /// With what.
    pub session: Session,
    /// Where.
    #[serde(serialize_with = "room_row")]
    pub room: Room,
    /// Of a room that was made: by this the others come in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// `POST /users/me/account`: a guest stays.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BecomeAccount {
    /// User name.
    pub name: String,
    /// 8–128 characters.
    pub password: String,
    /// Mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// An invite code, where one is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<String>,
}

/// `PUT /rooms/{room}/guests`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SetGuests {
    /// Null: as the tenant says.
    #[serde(default)]
    pub guests: Option<Guests>,
}

/// Answer to `GET` and `PUT /rooms/{room}/guests`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RoomGuests {
    /// Who comes in: no more than the tenant allows.
    pub guests: Guests,
    /// What the room says itself.
    #[serde(default)]
    pub set: Option<Guests>,
}

/// `PUT /users/me/password`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChangePassword {
    /// The present one.
    pub old: String,
    /// The next one.
    pub new: String,
}

/// `POST /invites`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct NewInvite {
    /// 1…1000; 1.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
    pub uses: Option<i64>,
    /// From now; never when absent.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<i64>,
    /// The newcomer becomes a member of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
}

/// An invite; `code` and `link` are shown once, when it is made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Invite {
    /// Its id.
    pub id: String,
    /// The code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// `hallway://…/invite/CODE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// How often it still opens.
    #[serde(deserialize_with = "exact")]
    pub uses_left: i64,
    /// When it stops.
    #[serde(default, deserialize_with = "exact")]
    pub expires_at: Option<Millis>,
    /// The room it leads into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
}

/// `PATCH /users/me`; absent stays.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ProfilePatch {
    /// User name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// As others see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Status text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Mail address; where mail is on, it takes effect once it is verified. Null, where mail is off:
    /// none any more.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub email: Option<Option<String>>,
    /// Language of mails to me, one of those the server has texts in, such as `de` or `en`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// `DELETE /users/me`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CloseAccount {
    /// To be sure it is you.
    pub password: String,
}

/// See [`user_row`].
fn room_row<S: Serializer>(room: &Room, s: S) -> Result<S::Ok, S::Error> {
    Row::Room(room.clone()).serialize(s)
}

/// A person in an answer is the row, `t` included.
pub(super) fn user_row<S: Serializer>(user: &User, s: S) -> Result<S::Ok, S::Error> {
    Row::User(user.clone()).serialize(s)
}
